// The queue shows what comes in and what is decided while somebody looks at it, and finds what is looked for.

import assert from 'node:assert/strict';

import { call, caseOf, ask, pay, play } from './stage.mjs';

await play(async (enter) => {
  const carol = await (await enter()).logIn('carol');
  const { page } = carol;
  await carol.findsItAccessible();

  const first = await pay('one');
  await carol.entry(first).waitFor();
  const second = await pay('two', 7000, { message: 'An invoice of the landlord' });
  await carol.entry(second).waitFor();
  assert.ok(page.url().endsWith('/cases'), 'the page was left');
  await carol.findsItAccessible();

  const { digest } = await caseOf(first);
  const voted = await call('POST', `/v1/cases/${first}/votes`, { vote: 'reject', reason: 'no', digest });
  assert.equal(voted.status, 200, JSON.stringify(voted.body));
  await carol.entry(first).waitFor({ state: 'detached' });

  const { case_id: refund } = await ask('three', { action: 'refund', title: 'A refund', context: { order: 7 } });
  await carol.entry(refund).waitFor();
  await page.getByRole('searchbox').fill('action:refund');
  await page.getByRole('searchbox').press('Enter');
  await carol.entry(second).waitFor({ state: 'detached' });
  await carol.entry(refund).waitFor();
  await carol.findsItAccessible();

  // What does not match stays away when it comes in; what does comes.
  const third = await pay('four');
  const { case_id: other } = await ask('five', { action: 'refund', title: 'Another refund', context: { order: 8 } });
  await carol.entry(other).waitFor();
  assert.equal(await carol.entry(third).count(), 0);
});
