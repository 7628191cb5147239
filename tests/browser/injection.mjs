// Whatever an agent writes is text: no element, no script, no dialog, no request, no character that turns the line around.

import assert from 'node:assert/strict';

import { ask, pay, play } from './stage.mjs';

const HOSTILE = [
  '<script>alert("script")</script>',
  '<img src=x onerror=alert("img")>',
  '"><svg onload=alert("svg")>',
  "' autofocus onfocus=alert('attribute') x='",
  '</title></textarea></details></script><b id=planted>bold</b>',
  '{{7*7}} {% raw %} ${alert(1)} javascript:alert(1)',
  '<a href="https://elsewhere.example/approve" hx-get="https://elsewhere.example/" hx-trigger="load">Approve</a>',
  '<meta http-equiv=refresh content="0;url=https://elsewhere.example/">',
  '<form action=/cases/votes method=post><button>Approve</button></form>',
  '<!--', ']]>', '&lt;b&gt; &#60;b&#62;',
];
const TURNED = 'Pay \u202e0001\u202c EUR \u2066to\u2069 \u200bnobody\u0000\u0007\u001b[31m\ufeff';

await play(async (enter) => {
  const text = HOSTILE.join('\n');
  const context = Object.fromEntries(HOSTILE.map((hostile) => [hostile, hostile]));
  const id = await pay('one', 5000, { title: text, message: `${text}\n${TURNED}`, context: { ...context, [TURNED]: TURNED, deep: { [HOSTILE[0]]: [HOSTILE] } } });
  const other = await ask(`${HOSTILE[0]} ${HOSTILE[3]}`.slice(0, 60), { action: `refund`, title: TURNED, context });
  const odd = await ask('odd', { action: HOSTILE[1], context: {} });

  const carol = await (await enter()).logIn('carol');
  const { page } = carol;
  const inert = async () => {
    assert.equal(await page.locator('#planted, img[src=x], svg[onload], meta[http-equiv=refresh], [onerror], [onfocus], [onload]').count(), 0, page.url());
    const away = await page.locator('a, form').evaluateAll((found) => found.filter((one) => new URL(one.href ?? one.action).origin !== location.origin).length);
    assert.equal(away, 0, `${page.url()} leads elsewhere`);
    const scripts = await page.locator('script').evaluateAll((found) => found.filter((script) => !script.src).length);
    assert.equal(scripts, 0);
    const shown = await page.evaluate(() => document.documentElement.textContent + document.title);
    assert.doesNotMatch(shown, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/, page.url());
    await carol.findsItAccessible();
  };

  await carol.entry(id).waitFor();
  await inert();
  // Live as well as at once.
  const third = await pay('three', 6000, { title: text, message: TURNED, context });
  await carol.entry(third).waitFor();
  await inert();
  for (const open of [id, other.case_id, odd.case_id]) {
    await carol.visit(`/cases/${open}`);
    for (const folded of await page.locator('summary').all()) await folded.click();
    await inert();
  }
  await carol.visit(`/cases/${id}`);
  await carol.sees('<script>alert("script")</script>');
  // The reason is a person's: text all the same.
  await carol.votes(id, 'Reject', HOSTILE.join(' '));
  await carol.sees('<b id=planted>bold</b>');
  await inert();
  await carol.visit('/log');
  await inert();
  // A search is a text that anybody can send in a link.
  carol.provokes(400);
  for (const q of [...HOSTILE, TURNED]) {
    await page.goto(`/cases?q=${encodeURIComponent(q)}`);
    await inert();
  }
  const test = await carol.fetch(`/cases/${id}/test.rego`);
  assert.equal(test.status(), 200);
  assert.match(test.headers()['content-type'], /^text\/plain/);
});
