import { expect, test } from 'vitest';
import { examples } from '../testing';
import { promptView } from './prompt';

const text = (view: HTMLElement, selector: string): string[] =>
  [...view.querySelectorAll(selector)].map(({ textContent }) => textContent ?? '');

test('shows the text, the facts and where each value came from', () => {
  const view = promptView(examples.prompt);
  expect(text(view, '.dknb-text')).toEqual([examples.prompt.text]);
  expect(text(view, '.dknb-facts')).toEqual([
    'critique · mixed · ≈ 1,234 tokens · $0.00050 to $0.0020 with an answer with openai/gpt-5.4-mini',
  ]);
  expect(text(view, 'tr')).toEqual([
    'tonekindthis line',
    'text<b>this</b>notebook',
    'fieldmissing · did you mean fields?',
    'lengthmissing',
  ]);
  expect(text(view, 'section > .dknb-warning')).toEqual(['⚠ Missing required parameters: length']);
});

test('never makes markup of data', () => {
  expect(promptView(examples.prompt).querySelector('b')).toBeNull();
});

test('shows no table without parameters, and says when the price is not known', () => {
  const bare = { ...examples.prompt, name: null, params_used: [], params_missing: [], tokens: null, cost_usd: null };
  const view = promptView(bare);
  expect(view.querySelector('table')).toBeNull();
  expect(text(view, '.dknb-facts')).toEqual(['prompt · mixed · price unknown with openai/gpt-5.4-mini']);
});
