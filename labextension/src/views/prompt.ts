/** A rendered prompt: its text, where its values came from, and what it would cost. */

import type { PromptBundle } from '../bundle';
import { element, facts } from '../dom';
import { count, money } from '../format';

type Used = PromptBundle['params_used'][number];
type Missing = PromptBundle['params_missing'][number];

const ORIGINS: Record<Used['origin'], string> = {
  line: 'this line',
  notebook: 'notebook',
  default: 'default',
  caller: 'caller',
};

export function promptView(bundle: PromptBundle): HTMLElement {
  const warnings = bundle.warnings.map((text) => element('div', { class: 'dknb-warning' }, `⚠ ${text}`));
  return element(
    'section',
    { class: 'dknb-prompt', 'aria-label': `Prompt ${bundle.name ?? ''}`.trim() },
    element('div', { class: 'dknb-text', tabindex: '0', role: 'group', 'aria-label': 'Text' }, bundle.text),
    facts(bundle.name ?? 'prompt', bundle.mode, size(bundle), price(bundle)),
    ...parameters(bundle),
    ...warnings,
  );
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

function usedRow({ name, value, origin }: Used): HTMLElement {
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, name),
    element('td', { class: 'dknb-value' }, value),
    element('td', { class: 'dknb-quiet' }, ORIGINS[origin]),
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
