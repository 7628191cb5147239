// What every scenario plays on: headless Chromium, people in browsers of their own, and the agents' side of the server.
//
// What holds on every page, whatever the scenario: no request leaves the server's origin, no script fails, the content
// security policy has nothing to refuse, no dialog opens, and axe-core finds no serious fault where it is asked to look.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// A scenario that waits for longer than this waits for what will not come.
const PATIENCE = 15_000;

export const operators = process.env.COUNTERSIGN_OPERATORS;
export const intake = process.env.COUNTERSIGN_INTAKE;
export const PASSWORD = process.env.COUNTERSIGN_PASSWORD;

// What the browser may not do behind our back, beside what Playwright forbids it.
export const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// Chromium, with a profile that nobody used before.
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Its sandbox does not start for root.
    chromiumSandbox: process.getuid() !== 0,
    args: FLAGS,
  });
}

// Plays one scenario. It fails with what it throws, or with what any page did that no page may.
export async function play(scenario) {
  const browser = await launch();
  const people = [];
  const enter = async (options = {}) => {
    const somebody = await Visitor.enter(browser, options);
    people.push(somebody);
    return somebody;
  };
  try {
    await scenario(enter);
    const faults = people.flatMap((somebody) => somebody.faults);
    assert.deepEqual(faults, [], 'pages did what no page may');
  } catch (error) {
    console.error(error.stack ?? String(error));
    for (const { page, faults } of people) {
      console.error(`\n${page.url()}\n${faults.map((fault) => `  ${fault}\n`).join('')}`);
      console.error(await page.locator('body').innerText({ timeout: 1000 }).catch(() => '(no page)'));
    }
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

// Somebody at a browser of their own.
export class Visitor {
  static async enter(browser, { origins = [], ...options }) {
    const context = await browser.newContext({ baseURL: operators, ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    return new Visitor(context, page, [operators, ...origins]);
  }

  constructor(context, page, origins) {
    this.context = context;
    this.page = page;
    this.faults = [];
    this.refusals = [];
    const fault = (what) => this.faults.push(what);
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && !origins.includes(origin)) fault(`it asked ${request.url()}`);
    });
    context.on('dialog', async (dialog) => {
      fault(`it opened a dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    context.on('weberror', (error) => fault(`a script failed: ${error.error()}`));
    context.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      // A refusal that the scenario provokes is told to the console as well.
      const refused = /the server responded with a status of (\d+)/.exec(message.text());
      if (refused && this.refusals.includes(Number(refused[1]))) return;
      fault(`the console said: ${message.text()} (${message.location().url})`);
    });
  }

  // From here on the server may refuse with these.
  provokes(...statuses) {
    this.refusals.push(...statuses);
  }

  // Goes there, and sees that the answer is `status`.
  async visit(path, status = 200) {
    if (status >= 400) this.provokes(status);
    const response = await this.page.goto(path);
    assert.equal(response.status(), status, `${path} answered ${response.status()}`);
    return response;
  }

  // Fills in the form of the login page.
  async offer(name, password) {
    await this.page.getByLabel('Name').fill(name);
    await this.page.getByLabel('Password').fill(password);
    const answered = this.page.waitForResponse((response) => response.request().method() === 'POST');
    await this.page.getByRole('button', { name: 'Log in' }).click();
    return answered;
  }

  // Logs in with the directory, as who they say they are there; once is enough for one browser.
  async throughTheDirectory(name) {
    await this.page.getByRole('link', { name: `Log in with ${new URL(process.env.ISSUER).host}` }).click();
    if (!name) return;
    await this.page.getByLabel('Person').fill(name);
    await this.page.getByRole('button', { name: 'Continue' }).click();
  }

  // Logs in as a local user, and is in the queue.
  async logIn(name) {
    await this.visit('/login');
    await this.offer(name, PASSWORD);
    await this.page.waitForURL('**/cases');
    return this;
  }

  // What this person's browser gets for `path`, without going there.
  async fetch(path, options) {
    return this.context.request.fetch(path, { maxRedirects: 0, ...options });
  }

  // The way from the queue to a case.
  entry(id) {
    return this.page.locator(`a[href="/cases/${id}"]`).first();
  }

  // Votes with the form of the case's page, and returns the server's answer.
  async votes(id, vote, reason) {
    if (!this.page.url().endsWith(`/cases/${id}`)) await this.visit(`/cases/${id}`);
    await this.page.getByLabel('Reason').fill(reason);
    const answered = this.page.waitForResponse((response) => response.request().method() === 'POST');
    await this.page.getByRole('button', { name: vote }).click();
    return answered;
  }

  // Sees that a text is on the page, or comes to be.
  async sees(text) {
    await this.page.getByText(text).first().waitFor();
  }

  // Sees that axe-core finds no serious fault on the page as it is.
  async findsItAccessible() {
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate(() =>
      window.axe.run(document, { resultTypes: ['violations'], preload: false }),
    );
    const serious = violations
      .filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `    ${html}\n      ${failureSummary}`).join('\n')}`);
    assert.deepEqual(serious, [], `${this.page.url()} is not accessible:\n${serious.join('\n')}`);
  }

  // Sees that nothing is wider than the screen.
  async findsItNarrowEnough() {
    const [needed, given] = await this.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(needed <= given, `${this.page.url()} is ${needed} px wide on a screen of ${given} px`);
  }
}

// An agent asks at the server's own API: the answer, and its status.
export async function ask(id, request) {
  const response = await fetch(`${intake}/v1/requests`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${process.env.COUNTERSIGN_AGENT}`,
      'content-type': 'application/json',
      'idempotency-key': id,
    },
    body: JSON.stringify(request),
  });
  return { status: response.status, ...(await response.json()) };
}

// An agent asks for a payment that goes to people; the id of its case.
export async function pay(id, amount = 5000, more = {}) {
  const { context, ...rest } = more;
  const asked = await ask(id, { action: 'pay', title: `Pay ${id}`, ...rest, context: { amount, ...context } });
  assert.equal(asked.status, 202, JSON.stringify(asked));
  return asked.case_id;
}

// A call to the operators' API as the holder of a token: the answer, and its status.
export async function call(method, path, body) {
  const response = await fetch(operators + path, {
    method,
    headers: { authorization: `Bearer ${process.env.COUNTERSIGN_ADMIN}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

// The case as the API shows it.
export async function caseOf(id) {
  const { status, body } = await call('GET', `/v1/cases/${id}`);
  assert.equal(status, 200);
  return body;
}

// Tells the directory of the tests something.
export async function tell(what, said) {
  const told = await fetch(`${process.env.ISSUER}/told/${what}`, { method: 'PUT', body: JSON.stringify(said) });
  assert.equal(told.status, 200, await told.text());
}

setTimeout(() => {
  console.error('the scenario took longer than a minute');
  process.exit(1);
}, 60_000).unref();
