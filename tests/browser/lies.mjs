// A token of the directory that is wrong in any way lets nobody in, though the directory's own key signed it.

import assert from 'node:assert/strict';

import { operators, play, tell } from './stage.mjs';

const { ISSUER, LIES } = process.env;

const hour = 3600;
const now = () => Math.floor(Date.now() / 1000);

// No more of a kind than somebody may fail for nothing.
const KINDS = {
  'for somebody else': {
    'another nonce': () => ({ nonce: 'another' }),
    'no nonce': () => ({ nonce: null }),
    'another audience': () => ({ aud: 'somebody-else' }),
    'more audiences': () => ({ aud: ['countersign', 'somebody-else'] }),
  },
  'not stood by': {
    'another issuer': () => ({ iss: 'http://127.0.0.2:1' }),
    'another key': () => ({ key: 'another' }),
    'expired': () => ({ iat: now() - 2 * hour, exp: now() - hour }),
  },
};

await play(async (enter) => {
  await tell('client', { redirect: `${operators}/login/oidc/callback` });
  await tell('people/fay', { email: 'fay@example.com', email_verified: true, groups: ['countersign-admins'] });
  const callbacks = [];
  for (const [what, lie] of Object.entries(KINDS[LIES])) {
    await tell('lie', lie());
    const fay = await enter({ origins: [ISSUER] });
    fay.provokes(400, 401, 403);
    await fay.visit('/login');
    fay.page.on('request', (request) => request.url().includes('/callback') && callbacks.push(request.url()));
    await fay.throughTheDirectory('fay');
    await fay.page.waitForURL(`${operators}/**`);
    assert.equal((await fay.fetch('/cases')).status(), 401, `${what}: somebody is in`);
    await fay.findsItAccessible();
  }

  // With a token that was made over in the same way, but is right, the same person comes in, once: the way back is not
  // walked twice, nor by somebody else.
  await tell('lie', { nickname: 'Fay' });
  const fay = await enter({ origins: [ISSUER] });
  fay.page.on('request', (request) => request.url().includes('/callback') && callbacks.push(request.url()));
  await fay.visit('/login');
  await fay.throughTheDirectory('fay');
  await fay.page.waitForURL(`${operators}/cases`);
  for (const callback of callbacks) {
    const mallory = await enter();
    mallory.provokes(400, 401, 403);
    await mallory.page.goto(callback);
    assert.equal((await mallory.fetch('/cases')).status(), 401, 'somebody else walked the way back');
    await mallory.context.close();
  }
});
