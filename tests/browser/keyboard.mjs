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

  // A key leads to a button; it does not press it.
  const reject = page.getByRole('button', { name: 'Reject' });
  const isHere = (element) => element.evaluate((element) => element === document.activeElement);
  await press('a');
  assert.ok(await isHere(page.getByRole('button', { name: 'Approve' })));
  await press('r');
  assert.ok(await isHere(reject));
  assert.equal((await caseOf(ids[1])).verdict.votes.length, 0);
  await press('Shift+Tab');
  await press('Shift+Tab');
  await page.keyboard.type('no keys in here: jkoxra');
  assert.equal(await page.getByLabel('Reason').inputValue(), 'no keys in here: jkoxra');
  await press('Tab');
  await press('Tab');
  assert.ok(await isHere(reject));
  await press('Enter');
  await carol.sees('no keys in here: jkoxra');
  assert.equal((await caseOf(ids[1])).verdict.resolution.outcome, 'rejected');

  // Back in the queue two are left: both are selected, and decided together.
  await press('g');
  await press('q');
  await page.waitForURL('**/cases');
  await carol.entry(ids[2]).waitFor();
  for (const key of ['j', 'x', 'j', 'x']) await press(key);
  assert.equal(await page.getByRole('checkbox', { checked: true }).count(), 2);
  await press('/');
  assert.ok(await isHere(page.getByRole('searchbox')));
  // Enter in the reason of many is no approval of them.
  await page.getByLabel('Reason').focus();
  await page.keyboard.type('both');
  await press('Enter');
  for (const id of [ids[0], ids[2]]) assert.equal((await caseOf(id)).verdict.votes.length, 0);
  await page.getByRole('button', { name: 'Reject selected' }).focus();
  await press('Enter');
  await carol.sees('2 of 2 rejections counted');
});
