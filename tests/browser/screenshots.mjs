// The pictures of docs/images, of the real program with the policies that ship:
//
//     cargo build && npm ci --prefix tests/browser --ignore-scripts && node tests/browser/screenshots.mjs
//
// Look at them before you commit them.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'target/debug/countersign');
const folder = mkdtempSync(join(tmpdir(), 'countersign-pictures-'));
const password = 'a horse, a battery and a staple';
const LARGEST = 150_000;

writeFileSync(join(folder, 'countersign.yaml'), `mode: enforce
listen: 127.0.0.1:0
operators:
  listen: 127.0.0.1:0
  tokens: [{name: pictures, role: admin, token: token-of-the-pictures-0123456789}]
policies: {path: ${join(root, 'policies')}}
store: sqlite://countersign.db
teams:
  - {name: payments, members: [carol, dan]}
  - {name: data-protection, members: [erin]}
sources:
  - name: agents
    kind: http
    tokens:
      - {agent: billing-bot, token: token-of-billing-bot-0123456789}
      - {agent: data-bot, token: token-of-data-bot-0123456789}
      - {agent: support-bot, token: token-of-support-bot-0123456789}
`);
for (const [name, role, ...rest] of [['carol', 'approver'], ['dan', 'approver'], ['erin', 'admin']]) {
  const added = spawnSync(program, ['user', 'add', name, '--role', role, '--password-stdin', ...rest], { cwd: folder, input: `${password}\n` });
  if (added.status !== 0) throw new Error(String(added.stderr));
}

const server = spawn(program, ['run'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
const listening = await new Promise((resolve, reject) => {
  createInterface({ input: server.stdout }).on('line', (line) => {
    const { fields = {}, ...top } = JSON.parse(line);
    const { intake, operators } = { ...top, ...fields };
    if (intake && operators) resolve({ intake, operators });
  });
  server.on('exit', () => reject(new Error('countersign ended')));
});
process.env.COUNTERSIGN_OPERATORS = `http://${listening.operators}`;
process.env.COUNTERSIGN_INTAKE = `http://${listening.intake}`;
process.env.COUNTERSIGN_PASSWORD = password;
process.env.COUNTERSIGN_ADMIN = 'token-of-the-pictures-0123456789';
const { ask, call, play } = await import('./stage.mjs');

async function asked(agent, id, request) {
  process.env.COUNTERSIGN_AGENT = `token-of-${agent}-0123456789`;
  return (await ask(id, request)).case_id;
}

async function picture(somebody, name) {
  await somebody.findsItAccessible();
  const path = join(root, 'docs/images', `${name}.png`);
  await somebody.page.screenshot({ path, caret: 'initial' });
  const { size } = statSync(path);
  if (size > LARGEST) throw new Error(`${name}.png has ${size} bytes`);
  console.log(`${name}.png: ${size} bytes`);
}

const refund = (amount, customer_id, more = {}) => ({
  action: 'stripe.refund',
  title: `Refund $${amount} for order #${4000 + amount}`,
  message: 'The parcel arrived two weeks late, and the customer asks for all of it back.',
  context: { amount, charged: amount, currency: 'USD', customer_id, ...more },
});

try {
  await play(async (enter) => {
    // What was decided before, so that there is something to compare with.
    for (const [n, amount, vote, reason] of [[1, 180, 'approve', 'Late twice in a row'], [2, 220, 'approve', 'Confirmed by the carrier'], [3, 640, 'reject', 'Already refunded in May']]) {
      const id = await asked('billing-bot', `before-${n}`, refund(amount, `cus_${n}0`));
      const { body } = await call('GET', `/v1/cases/${id}`);
      await call('POST', `/v1/cases/${id}/votes`, { vote, reason, digest: body.digest });
    }
    await asked('billing-bot', 'small', refund(24, 'cus_77'));
    const large = await asked('billing-bot', 'large', refund(1240, 'cus_18', { order: { placed: '2026-04-02', delivered: '2026-04-19', items: 3 } }));
    const plain = await asked('billing-bot', 'plain', refund(140, 'cus_21'));
    await asked('data-bot', 'export', { action: 'data.export', title: 'Export for the weekly report', context: { dataset: 'customers', rows: 8200, destination: 'warehouse' } });
    for (const n of [1, 2, 3]) await asked('support-bot', `merge-${n}`, { action: 'crm.merge_accounts', title: 'Merge two accounts of one customer', context: { from: `cus_3${n}`, into: 'cus_3' } });
    await asked('billing-bot', 'payout', { action: 'payout.create', title: 'Pay the carrier for April', context: { amount: 730, currency: 'USD', account_id: 'acct_supplier_1', country: 'DE' } });

    const desk = { viewport: { width: 1000, height: 780 } };
    const carol = await (await enter(desk)).logIn('carol');
    await carol.entry(large).waitFor();
    await picture(carol, 'queue');
    await carol.visit(`/cases/${large}`);
    await picture(carol, 'case');

    const dark = await (await enter({ ...desk, colorScheme: 'dark' })).logIn('dan');
    await dark.entry(large).waitFor();
    await picture(dark, 'queue-dark');

    const phone = await (await enter({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 1.5, isMobile: true, hasTouch: true })).logIn('dan');
    await phone.entry(large).waitFor();
    await picture(phone, 'queue-phone');
    await phone.visit(`/cases/${large}`);
    await picture(phone, 'case-phone');

    await carol.votes(large, 'Approve', 'Order and delivery checked: 17 days late');
    await carol.sees('17 days late');
    await dark.votes(large, 'Approve', 'Agreed with the shop');
    await dark.sees('Agreed with the shop');
    await carol.visit(`/cases/${large}`);
    await picture(carol, 'case-decided');

    await call('PUT', '/v1/freeze', { reason: 'billing-bot refunds the same order again and again' });
    const erin = await (await enter({ ...desk, colorScheme: 'dark' })).logIn('erin');
    await erin.visit(`/cases/${plain}`);
    await picture(erin, 'frozen-dark');
    await erin.visit('/policies');
    await picture(erin, 'policies-dark');
  });
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
