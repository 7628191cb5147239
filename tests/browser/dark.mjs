// Every page is dark where the browser wants it dark, light otherwise, and readable either way.

import assert from 'node:assert/strict';

import { call, pay, play } from './stage.mjs';

const brightness = (page) =>
  page.evaluate(() => {
    const painted = [document.body, document.documentElement].map((element) => getComputedStyle(element).backgroundColor);
    const colour = painted.find((colour) => !/, 0\)$|transparent/.test(colour)) ?? 'rgb(255, 255, 255)';
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3;
  });

await play(async (enter) => {
  const id = await pay('one');
  for (const colorScheme of ['light', 'dark']) {
    const erin = await enter({ colorScheme });
    await erin.visit('/login');
    await erin.findsItAccessible();
    await erin.logIn('erin');
    await erin.entry(id).waitFor();
    for (const path of ['/cases', `/cases/${id}`, '/policies', '/log']) {
      await erin.visit(path);
      const bright = await brightness(erin.page);
      assert.ok(colorScheme === 'dark' ? bright < 80 : bright > 200, `${path} is ${bright} of 255 bright in ${colorScheme}`);
      await erin.findsItAccessible();
    }
    await call('PUT', '/v1/freeze', { reason: 'something is off' });
    await erin.visit(`/cases/${id}`);
    await erin.sees('something is off');
    await erin.findsItAccessible();
    await call('DELETE', '/v1/freeze');
  }
});
