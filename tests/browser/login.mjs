// A local user logs in with the right password only, where they wanted to go, and out for good.

import assert from 'node:assert/strict';

import { PASSWORD, operators, pay, play } from './stage.mjs';

await play(async (enter) => {
  const id = await pay('one');
  const carol = await enter();
  const { page } = carol;

  await carol.visit(`/cases/${id}`);
  assert.equal(page.url(), `${operators}/login?next=${encodeURIComponent(`/cases/${id}`)}`);
  await carol.findsItAccessible();

  carol.provokes(401);
  const told = [];
  for (const [name, password] of [['carol', 'not her password'], ['nobody', 'not her password'], ['carol', '']]) {
    // An empty field is the browser's to refuse, and the server's as well.
    await page.locator('form').first().evaluate((form) => (form.noValidate = true));
    const answer = await carol.offer(name, password);
    assert.equal(answer.status(), 401, `${name} with "${password}"`);
    await page.getByRole('alert').waitFor();
    told.push(await page.getByRole('alert').innerText());
  }
  assert.equal(new Set(told).size, 1, `whether a name exists can be told: ${told}`);
  await carol.findsItAccessible();
  assert.ok(!(await page.content()).includes('not her password'));

  await carol.offer('carol', PASSWORD);
  await page.waitForURL(`${operators}/cases/${id}`);
  await carol.sees('carol');

  const kept = await carol.context.cookies();
  assert.ok(kept.length > 0);
  for (const { name, httpOnly, sameSite, path } of kept) {
    assert.deepEqual({ name, httpOnly, sameSite, path }, { name, httpOnly: true, sameSite: 'Lax', path: '/' });
  }
  const seen = await page.evaluate(() => document.cookie);
  assert.equal(seen, '');

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL('**/login');
  await carol.context.addCookies(kept);
  const again = await carol.fetch('/cases');
  assert.equal(again.status(), 401, 'the old cookie works after logging out');

  for (const next of ['//elsewhere.example', 'https://elsewhere.example', '/\\elsewhere.example', '/\t/elsewhere.example', 'javascript:alert(1)']) {
    const dan = await enter();
    await dan.visit(`/login?next=${encodeURIComponent(next)}`);
    await dan.offer('dan', PASSWORD);
    await dan.page.waitForURL(`${operators}/cases`);
  }
});
