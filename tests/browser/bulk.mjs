// Identical requests are decided together, each on what was shown of it; one that was decided meanwhile is told apart.

import assert from 'node:assert/strict';

import { ask, call, caseOf, play } from './stage.mjs';

await play(async (enter) => {
  const refunds = [];
  for (let order = 0; order < 4; order += 1) {
    const { case_id: id } = await ask(`refund ${order}`, { action: 'refund', title: 'A refund', context: { amount: 20 } });
    refunds.push(id);
  }
  const carol = await (await enter({ javaScriptEnabled: false })).logIn('carol');
  for (const id of refunds) await carol.page.locator(`input[type=checkbox][value^="${id}"]`).check();
  const [late, ...rest] = refunds;
  const { digest } = await caseOf(late);
  await call('POST', `/v1/cases/${late}/votes`, { vote: 'approve', reason: 'mine', digest });

  carol.provokes(409);
  await carol.page.getByLabel('Reason').fill('All of one batch');
  await carol.page.getByRole('button', { name: 'Reject' }).click();
  for (const id of rest) {
    const { verdict } = await caseOf(id);
    assert.deepEqual([verdict.resolution?.outcome, verdict.votes[0]?.reason], ['rejected', 'All of one batch'], id);
  }
  assert.equal((await caseOf(late)).verdict.resolution.outcome, 'approved');
  await carol.sees(/alice/);
});
