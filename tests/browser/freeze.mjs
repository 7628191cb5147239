// A freeze is red on every page, with who and why; an admin begins and ends it with a button, and nobody else does.

import assert from 'node:assert/strict';

import { ask, call, pay, play } from './stage.mjs';

await play(async (enter) => {
  const id = await pay('one');
  const erin = await (await enter()).logIn('erin');
  const carol = await (await enter()).logIn('carol');
  const banner = (somebody) => somebody.page.getByRole('region', { name: 'Freeze' });
  assert.equal(await banner(erin).count(), 0);

  await erin.page.getByText('Freeze approvals').click();
  await erin.page.getByLabel('Why?').fill('Something is off');
  await erin.page.getByRole('button', { name: 'Freeze all approvals' }).click();
  await banner(erin).waitFor();
  const { body } = await call('GET', '/v1/freeze');
  assert.deepEqual([body.freeze.by, body.freeze.reason], ['erin', 'Something is off']);
  await erin.findsItAccessible();

  for (const path of ['/cases', `/cases/${id}`, '/policies', '/log']) {
    await carol.visit(path);
    await banner(carol).waitFor();
    const text = await banner(carol).innerText();
    assert.match(text, /erin/);
    assert.match(text, /Something is off/);
    const [red, green, blue] = await carol.page.evaluate(() =>
      getComputedStyle(document.querySelector('[aria-label=Freeze]')).backgroundColor.match(/\d+/g).map(Number),
    );
    assert.ok(red > green + 40 && red > blue + 40, `the banner of ${path} is rgb(${red}, ${green}, ${blue})`);
    assert.equal(await carol.page.getByRole('button', { name: /freeze/i }).count(), 0);
    await carol.findsItAccessible();
  }
  // What policy would approve is asked of people now.
  const small = await ask('small', { action: 'pay', context: { amount: 5 } });
  assert.equal(small.status, 202);

  await erin.page.getByRole('button', { name: 'Lift the freeze' }).click();
  await banner(erin).waitFor({ state: 'detached' });
  assert.equal((await call('GET', '/v1/freeze')).body.freeze, null);
});
