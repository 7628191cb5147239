// Without scripts: log in, look, vote, log out.

import assert from 'node:assert/strict';

import { caseOf, pay, play } from './stage.mjs';

await play(async (enter) => {
  const id = await pay('one');
  const dan = await (await enter({ javaScriptEnabled: false })).logIn('dan');
  await dan.entry(id).click();
  await dan.page.waitForURL(`**/cases/${id}`);
  await dan.sees('amount');

  // The reason is asked for by the page, and by the server where the page did not.
  assert.equal((await dan.votes(id, 'Reject', 'Not ours')).status(), 303);
  await dan.sees('Not ours');
  assert.equal((await caseOf(id)).verdict.resolution.outcome, 'rejected');

  for (const path of ['/policies', '/log', '/cases?q=state:resolved']) await dan.visit(path);
  await dan.page.getByRole('button', { name: 'Log out' }).click();
  await dan.page.waitForURL('**/login');
});
