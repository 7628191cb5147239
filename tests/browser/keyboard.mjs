// The queue is worked through with the keyboard alone.

import assert from 'node:assert/strict';

import { caseOf, pay, play } from './stage.mjs';

await play(async (enter) => {
  const ids = [];
  for (const name of ['one', 'two', 'three']) ids.push(await pay(name));
  const carol = await (await enter()).logIn('carol');
  const { page } = carol;
  await carol.entry(ids[2]).waitFor();
  const press = (key) => page.keyboard.press(key);

  // Down, down, up: the second of those with the oldest deadline first.
  await press('j');
  await press('j');
  await press('j');
  await press('k');
  await press('o');
  await page.waitForURL(`**/cases/${ids[1]}`);

  // Help is there, and goes away.
  await press('?');
  await page.getByRole('dialog').waitFor();
  await carol.findsItAccessible();
  await press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });

  // A key chooses; it does not decide.
  await press('r');
  assert.equal((await caseOf(ids[1])).verdict.votes.length, 0);
  await page.keyboard.type('no keys in here: jkoxra');
  assert.equal(await page.getByLabel('Reason').inputValue(), 'no keys in here: jkoxra');
  await page.getByRole('button', { name: 'Reject' }).focus();
  await press('Enter');
  await carol.sees('no keys in here: jkoxra');
  assert.equal((await caseOf(ids[1])).verdict.resolution.outcome, 'rejected');
});
