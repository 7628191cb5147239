// A vote has a reason; two people make a quorum of two, each at a browser of their own; nobody counts twice.

import assert from 'node:assert/strict';

import { caseOf, pay, play } from './stage.mjs';

await play(async (enter) => {
  const id = await pay('one', 5000, { message: 'The landlord sent an invoice', context: { customer: { name: 'Landlord & Sons' } } });
  const carol = await (await enter()).logIn('carol');
  const dan = await (await enter()).logIn('dan');
  const vic = await (await enter()).logIn('vic');

  await carol.entry(id).click();
  await carol.sees('Landlord & Sons');
  await carol.sees('The landlord sent an invoice');
  await carol.findsItAccessible();
  await dan.visit(`/cases/${id}`);

  carol.provokes(422);
  assert.equal((await carol.votes(id, 'Approve', 'I called them')).status(), 303);
  await carol.sees('I called them');
  // The other one sees it without doing anything.
  await dan.sees('I called them');
  assert.equal((await caseOf(id)).verdict.state, 'open');

  await carol.votes(id, 'Approve', 'I called them twice');
  await carol.sees('I called them twice');
  const { verdict } = await caseOf(id);
  assert.deepEqual([verdict.state, verdict.votes.length], ['open', 1], 'one person is no quorum');

  // Who may only look is offered no vote.
  await vic.visit(`/cases/${id}`);
  assert.equal(await vic.page.getByRole('button', { name: 'Approve' }).count(), 0);

  await dan.votes(id, 'Approve', 'I saw the invoice');
  await dan.sees('I saw the invoice');
  const { verdict: decided } = await caseOf(id);
  assert.equal(decided.resolution.outcome, 'approved');
  assert.deepEqual(decided.votes.map(({ by, reason }) => [by, reason]), [['carol', 'I called them twice'], ['dan', 'I saw the invoice']]);

  // Neither has anything left to vote on.
  await carol.page.getByRole('button', { name: 'Approve' }).waitFor({ state: 'detached' });
  assert.equal(await dan.page.getByRole('button', { name: 'Approve' }).count(), 0);
  await dan.findsItAccessible();
});
