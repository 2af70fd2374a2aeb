import { expect, test } from 'vitest';
import type { PromptBundle } from '../bundle';
import { examples } from '../testing';
import { promptView } from './prompt';

const text = (view: HTMLElement, selector: string): string[] =>
  [...view.querySelectorAll(selector)].map(({ textContent }) => textContent ?? '');

test('shows the text, the facts and where each value came from', () => {
  const view = promptView(examples.prompt);
  expect(text(view, '.dknb-facts')).toEqual([
    'critique · mixed · ≈ 1,234 tokens · $0.00050 to $0.0020 with an answer with openai/gpt-5.4-mini',
  ]);
  expect(text(view, 'tr')).toEqual([
    'tonekindthis line',
    'text<b>this</b>notebook',
    'fieldtidesadapter facts',
    'fildmissing · did you mean field?',
    'lengthmissing',
  ]);
  expect(text(view, 'section > .dknb-warning')).toEqual(['⚠ Missing required parameters: length']);
});

test('fences what was retrieved, with its source and score, and leaves the text as it is', () => {
  const view = promptView(examples.prompt);
  expect(text(view, '.dknb-source')).toEqual(['notes/<moon>.md · score 0.831']);
  expect(text(view, '.dknb-passage')).toEqual(['notes/<moon>.md · score 0.831Tides follow <i>the moon</i>.']);
  view.querySelector('.dknb-source')?.remove();
  expect(text(view, '.dknb-text')).toEqual([examples.prompt.text]);
});

test('tells what was searched for and what was left out', () => {
  const view = promptView(examples.prompt);
  expect(text(view, 'section > .dknb-quiet')).toEqual([
    "docs: 3 results of 'notes' for 'tides', 2 left out for the budget of tokens",
  ]);
});

test('passages that cannot be are left out of the frames, not out of the text', () => {
  const wrong = { start: 5, end: 10_000, source: 's', score: null };
  const view = promptView({ ...examples.prompt, passages: [wrong] });
  expect(text(view, '.dknb-text')).toEqual([examples.prompt.text]);
  expect(text(view, '.dknb-passage')).toEqual([]);
});

test('draws an output that was saved before prompts retrieved', () => {
  const { passages, searches, ...before } = examples.prompt;
  expect(passages.length + searches.length).toBe(2);
  expect(text(promptView(before as PromptBundle), '.dknb-text')).toEqual([examples.prompt.text]);
});

test('never makes markup of data', () => {
  expect(promptView(examples.prompt).querySelector('b, i')).toBeNull();
});

test('shows no table without parameters, and says when the price is not known', () => {
  const bare = { ...examples.prompt, name: null, params_used: [], params_missing: [], tokens: null, cost_usd: null };
  const view = promptView(bare);
  expect(view.querySelector('table')).toBeNull();
  expect(text(view, '.dknb-facts')).toEqual(['prompt · mixed · price unknown with openai/gpt-5.4-mini']);
});
