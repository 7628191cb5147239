// What no page may do is noticed: a bad page for each.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';

import { Visitor, launch } from './stage.mjs';

const page = (body) => `<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>${body}</main></html>`;
const policy = "default-src 'none'; script-src 'self'";

const bad = {
  '/elsewhere': { body: page('<img alt="" src="http://127.0.0.3:9/pixel.png">'), notices: /it asked http:\/\/127\.0\.0\.3:9/ },
  '/inline': { policy, body: page('<script>document.title = "run"</script>'), notices: /Content Security Policy/ },
  '/styled': { policy, body: page('<p style="color: red">Red</p>'), notices: /Content Security Policy/ },
  '/dialog': { body: page('<script>alert(1)</script>'), notices: /it opened a dialog: 1/ },
  '/failing': { body: page('<script>nothing.there()</script>'), notices: /a script failed: ReferenceError/ },
  '/missing': { body: page('<script src="/nowhere.js"></script>'), notices: /status of 404/ },
};

const server = createServer((request, response) => {
  const { body, policy } = bad[request.url] ?? {};
  response.statusCode = body || request.url === '/good' || request.url === '/favicon.ico' ? 200 : 404;
  response.setHeader('content-type', 'text/html; charset=utf-8');
  if (policy) response.setHeader('content-security-policy', policy);
  response.end(body ?? page('<p>Nothing to see.</p>'));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await launch();
for (const [path, { notices }] of Object.entries(bad)) {
  const visitor = await Visitor.enter(browser, { baseURL: origin, origins: [origin] });
  await visitor.page.goto(path);
  assert.match(visitor.faults.join('\n'), notices, path);
  await visitor.context.close();
}

const visitor = await Visitor.enter(browser, { baseURL: origin, origins: [origin], viewport: { width: 360, height: 640 } });
await visitor.visit('/good');
await visitor.findsItAccessible();
await visitor.findsItNarrowEnough();
assert.deepEqual(visitor.faults, []);
await visitor.page.setContent(page('<img src="data:,"><input>'));
await assert.rejects(visitor.findsItAccessible(), /image-alt[^]*label/);
await visitor.page.setContent(page('<p style="width: 500px">Wide</p>'));
await assert.rejects(visitor.findsItNarrowEnough());

await browser.close();
server.close();
