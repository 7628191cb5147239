// Logging in by the directory: a group makes a team, for as long as one is in it.

import assert from 'node:assert/strict';

import { caseOf, operators, pay, play, tell } from './stage.mjs';

const { ISSUER } = process.env;

await play(async (enter) => {
  await tell('client', { redirect: `${operators}/login/oidc/callback` });
  const claims = (name, groups) => ({ name, preferred_username: name, email: `${name}@example.com`, email_verified: true, groups });
  await tell('people/dave', claims('dave', ['staff', 'payments-oncall']));
  await tell('people/eve', claims('eve', ['marketing']));
  await tell('people/fay', claims('fay', ['countersign-admins']));

  const id = await pay('one');
  const dave = await enter({ origins: [ISSUER] });
  await dave.visit(`/cases/${id}`);
  await dave.throughTheDirectory('dave');
  await dave.page.waitForURL(`${operators}/cases/${id}`);
  await dave.sees('dave@example.com');
  assert.equal((await dave.votes(id, 'Approve', 'On call')).status(), 303);
  await dave.sees('On call');
  assert.equal((await caseOf(id)).verdict.votes[0].by, 'dave@example.com');

  // Whoever is in no group that counts is known, and may nothing.
  const eve = await enter({ origins: [ISSUER] });
  eve.provokes(403);
  await eve.visit('/login');
  await eve.throughTheDirectory('eve');
  await eve.page.waitForURL(`${operators}/**`);
  assert.equal((await eve.fetch('/cases')).status(), 401);
  await eve.findsItAccessible();

  const fay = await enter({ origins: [ISSUER] });
  await fay.visit('/login');
  await fay.throughTheDirectory('fay');
  await fay.page.waitForURL(`${operators}/cases`);

  // The group is gone: the next time there is no team any more.
  await tell('people/dave', claims('dave', ['staff']));
  const other = await pay('two');
  await dave.page.getByRole('button', { name: 'Log out' }).click();
  await dave.page.waitForURL('**/login');
  await dave.throughTheDirectory();
  await dave.page.waitForURL(`${operators}/cases`);
  await dave.visit(`/cases/${other}`);
  assert.equal(await dave.page.getByRole('button', { name: 'Approve' }).count(), 0);
});
