// The number beside the queue is the number of questions in it, and both say whose they are.

import assert from 'node:assert/strict';

import { ask, pay, play } from './stage.mjs';

await play(async (enter) => {
  const first = await pay('one');
  const { case_id: audit } = await ask('two', { action: 'audit', title: 'An audit', context: { year: 2025 } });
  const carol = await (await enter()).logIn('carol');
  const count = (somebody) => somebody.page.locator('#open-count').innerText();
  await carol.entry(first).waitFor();
  assert.equal(await carol.entry(audit).count(), 0, 'the auditors are asked');
  assert.match(await count(carol), /^1\s*asked of you$/);
  await carol.sees('1 of 2 open questions asked of you');
  await carol.findsItAccessible();
  // It stays so when something comes in.
  const third = await pay('three');
  await carol.entry(third).waitFor();
  assert.match(await count(carol), /^2\s*asked of you$/);
  await carol.sees('2 of 3 open questions asked of you');
  await carol.page.getByRole('link', { name: 'Show all' }).click();
  await carol.entry(audit).waitFor();
  await carol.sees('3 questions');

  // Who belongs to no team sees all there is.
  const vic = await (await enter()).logIn('vic');
  await vic.entry(audit).waitFor();
  assert.match(await count(vic), /^3\s*open$/);
  await vic.sees('3 questions');
});
