import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MIME } from './bundle';
import extensions from './index';
import { examples } from './testing';

const modelOf = (data: object): IRenderMime.IMimeModel =>
  ({ data, metadata: {}, trusted: false, setData: vi.fn() }) as never;

const rendererFor = (mimeType: string): IRenderMime.IRenderer => {
  const found = extensions.find(({ rendererFactory }) => rendererFactory.mimeTypes.includes(mimeType));
  return found?.rendererFactory.createRenderer({ mimeType } as IRenderMime.IRendererOptions) as IRenderMime.IRenderer;
};

let renderer: IRenderMime.IRenderer;

beforeEach(() => {
  renderer = rendererFor(MIME.conversation);
  Widget.attach(renderer, document.body);
});

afterEach(() => {
  renderer.dispose();
});

test("there is a renderer for each type, safe for untrusted notebooks and before ipywidgets' own", () => {
  expect(extensions.flatMap(({ rendererFactory }) => rendererFactory.mimeTypes)).toEqual(Object.values(MIME));
  expect(extensions.map(({ rank, rendererFactory }) => [rank, rendererFactory.safe])).toEqual([
    [-20, true],
    [-20, true],
    [-20, true],
  ]);
});

test.each(['prompt', 'conversation', 'comparison'] as const)('a %s is drawn', async (name) => {
  const drawn = rendererFor(MIME[name]);
  await drawn.renderModel(modelOf({ [MIME[name]]: examples[name] }));
  expect(drawn.node.querySelector(`.dknb-${name}`)).not.toBeNull();
});

test('drawing again replaces what was there, and the old view stops listening', async () => {
  const model = modelOf({ [MIME.conversation]: examples.conversation });
  await renderer.renderModel(model);
  const old = renderer.node.querySelector('[role=tree]');
  await renderer.renderModel(model);
  expect(renderer.node.querySelectorAll('[role=tree]')).toHaveLength(1);
  const before = old?.innerHTML;
  old?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home' }));
  expect(old?.innerHTML).toBe(before);
});

test.each([
  [
    'of a newer version',
    { ...examples.conversation, version: 2 },
    'this output is of version 2, and this dknb knows 1',
  ],
  ['of another shape', { version: 1 }, 'dknb cannot draw this'],
  ['that are no object', 'text', 'this output is not of dknb'],
])('data %s are shown as plain text, with the reason', async (_, data, reason) => {
  await renderer.renderModel(modelOf({ [MIME.conversation]: data, 'text/plain': '<b>plain</b>' }));
  expect(renderer.node.textContent).toContain(reason);
  expect(renderer.node.querySelector('pre')?.textContent).toBe('<b>plain</b>');
});
