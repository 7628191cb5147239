// Whoever votes on a page that is stale gets 409, and is told who decided; on what they were not shown, they do not vote.

import assert from 'node:assert/strict';

import { caseOf, pay, play } from './stage.mjs';

await play(async (enter) => {
  const id = await pay('one');
  const dan = await (await enter()).logIn('dan');
  // Without scripts her page does not learn what happens meanwhile.
  const carol = await (await enter({ javaScriptEnabled: false })).logIn('carol');
  await carol.visit(`/cases/${id}`);

  assert.equal((await dan.votes(id, 'Reject', 'The invoice is forged')).status(), 303);
  carol.provokes(409);
  assert.equal((await carol.votes(id, 'Approve', 'It looks right')).status(), 409);
  await carol.sees(/rejected by dan/i);
  assert.deepEqual((await caseOf(id)).verdict.votes.map(({ by }) => by), ['dan']);

  // A digest of anything else.
  const other = await pay('two');
  const [erin] = [await (await enter()).logIn('erin')];
  await erin.visit(`/cases/${other}`);
  await erin.page.locator('input[name=digest]').first().waitFor({ state: 'attached' });
  await erin.page.evaluate(() => {
    for (const field of document.querySelectorAll('input[name=digest]')) field.value = '0'.repeat(64);
  });
  erin.provokes(409);
  assert.equal((await erin.votes(other, 'Approve', 'Whatever it is')).status(), 409);
  await erin.sees(/changed/i);
  assert.equal((await caseOf(other)).verdict.votes.length, 0);
  await erin.findsItAccessible();
});
