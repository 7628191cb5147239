// At the width of a telephone nothing is wider than the screen, and whatever can be pressed can be hit with a thumb.

import assert from 'node:assert/strict';

import { call, pay, play } from './stage.mjs';

// WCAG 2.2, 2.5.8: smaller ones are missed.
const THUMB = 24;
// What decides about money is larger.
const VOTE = 40;

await play(async (enter) => {
  const long = 'a'.repeat(300);
  const id = await pay('one', 5000, { message: `${long} ${'word '.repeat(200)}`, context: { [long]: long, customer: { name: 'Landlord & Sons' }, list: [1, 2, { deep: long }] } });
  await pay('two');
  // A long reason for a freeze pushes everything down.
  const frozen = await call('PUT', '/v1/freeze', { reason: 'The refund API answers twice for one order since midnight; finance counts what was paid '.repeat(2) });
  assert.equal(frozen.status, 200, JSON.stringify(frozen.body));
  const carol = await enter({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  const { page } = carol;

  async function fits() {
    await carol.findsItNarrowEnough();
    const small = await page.evaluate((least) => {
      const inline = (element) => element.tagName === 'A' && getComputedStyle(element).display === 'inline';
      return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
        .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !inline(element))
        .filter((element) => {
          // A box is as large as the label around it.
          const { width, height, bottom } = (element.closest('label') ?? element).getBoundingClientRect();
          return bottom > 0 && (width < least || height < least);
        })
        .map((element) => element.outerHTML.slice(0, 200));
    }, THUMB);
    assert.deepEqual(small, [], `${page.url()} has what no thumb hits`);
    await carol.findsItAccessible();
  }

  await carol.visit('/login');
  await fits();
  await carol.logIn('carol');
  await carol.entry(id).waitFor();
  await fits();
  for (const path of ['/policies', '/log', `/cases/${id}`]) {
    await carol.visit(path);
    await fits();
  }
  // At three in the morning nobody looks for the form.
  await page.setViewportSize({ width: 390, height: 844 });
  await carol.visit(`/cases/${id}`);
  const vote = page.getByRole('link', { name: 'Vote', exact: true });
  const { y, height } = await vote.boundingBox();
  assert.ok(y >= 0 && y + height <= 844, `the link to the vote is at ${y}`);
  await vote.tap();
  const form = await page.getByRole('button', { name: 'Approve' }).boundingBox();
  assert.ok(form.y >= 0 && form.y + form.height <= 844, `the form is at ${form.y}`);
  await page.setViewportSize({ width: 360, height: 740 });
  for (const name of ['Approve', 'Reject']) {
    const box = await page.getByRole('button', { name }).boundingBox();
    assert.ok(box.height >= VOTE && box.width >= VOTE, `${name} is ${box.width} × ${box.height}`);
  }
  for (const folded of await page.locator('summary').all()) await folded.tap();
  await fits();
  await page.getByLabel('Reason').fill('Seen on the way');
  await page.getByRole('button', { name: 'Reject' }).tap();
  await carol.sees('Seen on the way');
  await fits();
});
