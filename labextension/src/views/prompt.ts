/** A rendered prompt: its text, where its values and passages came from, and what it would cost. */

import type { PromptBundle } from '../bundle';
import { element, facts } from '../dom';
import { count, measure, money, oneLine } from '../format';

type Used = PromptBundle['params_used'][number];
type Missing = PromptBundle['params_missing'][number];
type Passage = PromptBundle['passages'][number];
type Search = PromptBundle['searches'][number];

export function promptView(bundle: PromptBundle): HTMLElement {
  const warnings = bundle.warnings.map((text) => element('div', { class: 'dknb-warning' }, `⚠ ${text}`));
  // Outputs that were saved before prompts retrieved have neither passages nor searches.
  const { passages = [], searches = [] } = bundle as Partial<PromptBundle>;
  return element(
    'section',
    { class: 'dknb-prompt', 'aria-label': `Prompt ${bundle.name ?? ''}`.trim() },
    element(
      'div',
      { class: 'dknb-text', tabindex: '0', role: 'group', 'aria-label': 'Text' },
      ...fenced(bundle.text, passages),
    ),
    facts(bundle.name ?? 'prompt', bundle.mode, size(bundle), price(bundle)),
    ...parameters(bundle),
    ...searches.map(searchLine),
    ...warnings,
  );
}

/** The text in pieces: what was retrieved stands in a frame, below where it came from. */
function fenced(text: string, passages: Passage[]): (Node | string)[] {
  const pieces: (Node | string)[] = [];
  let at = 0;
  for (const passage of passages) {
    if (passage.start < at || passage.end > text.length) {
      continue;
    }
    pieces.push(text.slice(at, passage.start), frame(text.slice(passage.start, passage.end), passage));
    at = passage.end;
  }
  return [...pieces, text.slice(at)].filter((piece) => piece !== '');
}

function frame(text: string, { source, score }: Passage): HTMLElement {
  const said = score === null ? source : `${source} · score ${measure(score)}`;
  return element(
    'span',
    { class: 'dknb-passage', role: 'note', 'aria-label': `Retrieved from ${source}` },
    element('span', { class: 'dknb-source' }, said),
    text,
  );
}

function searchLine({ placeholder, adapter, query, found, dropped }: Search): HTMLElement {
  const left = dropped > 0 ? `, ${dropped} left out for the budget of tokens` : '';
  const said = `${placeholder}: ${count(found, 'result')} of '${adapter}' for '${oneLine(query, 80)}'${left}`;
  return element('div', { class: 'dknb-quiet' }, said);
}

function size({ tokens }: PromptBundle): string | null {
  return tokens && `${tokens.exact ? '' : '≈ '}${count(tokens.count, 'token')}`;
}

function price({ cost_usd: range, model }: PromptBundle): string | null {
  const to = model === null ? '' : ` with ${model}`;
  if (range === null) {
    return model === null ? null : `price unknown${to}`;
  }
  const shown =
    range.low === range.high ? money(range.low) : `${money(range.low)} to ${money(range.high)} with an answer`;
  return `${shown}${to}`;
}

function parameters({ params_used: used, params_missing: missing }: PromptBundle): HTMLElement[] {
  if (used.length + missing.length === 0) {
    return [];
  }
  const rows = [...used.map(usedRow), ...missing.map(missingRow)];
  return [element('table', { class: 'dknb-table' }, element('tbody', {}, ...rows))];
}

function usedRow({ name, value, origin, adapter }: Used): HTMLElement {
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, name),
    element('td', { class: 'dknb-value' }, value),
    element('td', { class: 'dknb-quiet' }, origin === 'line' ? 'this line' : adapter ? `adapter ${adapter}` : origin),
  );
}

function missingRow({ name, suggestion }: Missing): HTMLElement {
  const text = suggestion === null ? 'missing' : `missing · did you mean ${suggestion}?`;
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, name),
    element('td', { class: 'dknb-warning', colspan: '2' }, text),
  );
}
