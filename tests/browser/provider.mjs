// A directory for the tests: the certified `oidc-provider`, on an address of its own, with people whose groups can be
// changed while it runs. It can be told to lie: then the ID tokens that it gives out are wrong in one way, and signed
// with its real key all the same.
//
// Run as a program it says where it is, as one line of JSON, and runs until its standard input ends.

import { createServer } from 'node:http';
import { once } from 'node:events';

import Provider from 'oidc-provider';
import { SignJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } from 'jose';

// Not the address of the server under test: to a browser the two are as foreign as two names on the internet.
const HOST = '127.0.0.2';
export const CLIENT = 'countersign';
export const SECRET = 'secret-between-countersign-and-the-directory';
const INITIAL = 'token-to-register-the-client-with';

const people = new Map();
let lie = {};

const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const { privateKey: anothers } = await generateKeyPair('RS256');
const key = { ...(await exportJWK(privateKey)), kid: 'signing', use: 'sig', alg: 'RS256' };

const server = createServer();
server.listen(0, HOST);
await once(server, 'listening');
const issuer = `http://${HOST}:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  cookies: { keys: ['cookies of the directory in the tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true, initialAccessToken: INITIAL, idFactory: () => CLIENT, secretFactory: () => SECRET },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => people.has(sub) && { accountId: sub, claims: () => ({ sub, ...people.get(sub) }) },
  // Nobody is asked whether countersign may know their name: only who they are.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid email profile groups');
    await grant.save();
    return grant;
  },
});

// The lie: what the provider made, with other claims (`null` for none), under the same key; or under somebody else's.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route !== 'token' || !ctx.body?.id_token || !Object.keys(lie).length) return;
  const { key: signed, ...others } = lie;
  const claims = Object.entries({ ...decodeJwt(ctx.body.id_token), ...others }).filter(([, value]) => value !== null);
  const signing = signed === 'another' ? anothers : await importJWK(key, 'RS256');
  ctx.body.id_token = await new SignJWT(Object.fromEntries(claims)).setProtectedHeader({ alg: 'RS256', kid: 'signing' }).sign(signing);
});

const answer = provider.callback();

async function body(request) {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

async function interaction(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method === 'POST') {
    const accountId = new URLSearchParams(await body(request)).get('person');
    await provider.interactionFinished(request, response, { login: { accountId } });
    return;
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><html lang="en"><title>The directory</title><h1>The directory</h1>
<form method="post" action="/interaction/${details.uid}"><label>Person <input name="person"></label><button>Continue</button></form>`);
}

// What the tests say to it: PUT /told/people/{name} (claims), /told/lie (claims to swap), /told/client (its address).
async function told(request, response) {
  const said = JSON.parse(await body(request));
  const [, what, who] = request.url.split('/').slice(1);
  if (what === 'people') people.set(who, said);
  if (what === 'lie') lie = said;
  if (what === 'client') {
    const registered = await fetch(`${issuer}/reg`, {
      method: 'POST',
      headers: { authorization: `Bearer ${INITIAL}`, 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [said.redirect] }),
    });
    if (!registered.ok) throw new Error(`the client was not registered: ${await registered.text()}`);
  }
  response.end('{}');
}

server.on('request', (request, response) => {
  const fail = (error) => {
    response.statusCode = 500;
    response.end(String(error.stack));
  };
  if (request.url === '/favicon.ico') response.writeHead(204).end();
  else if (request.url.startsWith('/told/')) told(request, response).catch(fail);
  else if (request.url.startsWith('/interaction/')) interaction(request, response).catch(fail);
  else answer(request, response);
});

console.log(JSON.stringify({ issuer }));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
