// After five failures whoever guesses has to wait, and is told for how long: the right password does not help then.

import assert from 'node:assert/strict';

import { PASSWORD, play } from './stage.mjs';

await play(async (enter) => {
  const guesser = await enter();
  await guesser.visit('/login');
  guesser.provokes(401, 429);
  for (let guess = 0; guess < 5; guess += 1) {
    const answer = await guesser.offer('carol', `guess ${guess}`);
    assert.equal(answer.status(), 401);
  }
  const answer = await guesser.offer('carol', PASSWORD);
  assert.equal(answer.status(), 429);
  assert.ok(Number(answer.headers()['retry-after']) > 0);
  await guesser.page.getByRole('alert').waitFor();
  await guesser.findsItAccessible();
  assert.equal((await guesser.fetch('/cases')).status(), 401);
});
