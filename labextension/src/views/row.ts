/** One line of a conversation's picture, and the panel with the whole of one message. */

import type { ConversationBundle } from '../bundle';
import { chip, element, facts } from '../dom';
import { count, money, oneLine } from '../format';
import { idOf, type Row } from '../tree/layout';

const PREVIEW = 110;

/** What a row needs to know besides its place. */
export interface Line {
  row: Row;
  id: string | null;
  place: { place: number; of: number };
  onPath: boolean;
  active: boolean;
  elementId: string;
}

export function rowView(bundle: ConversationBundle, line: Line): HTMLElement {
  const { row, place } = line;
  const { node } = row;
  const made = element(
    'div',
    {
      class: classOf(bundle, line),
      id: line.elementId,
      role: 'treeitem',
      'data-node': String(node),
      'aria-level': String(row.level),
      'aria-posinset': String(place.place),
      'aria-setsize': String(place.of),
      'aria-selected': String(line.active),
      'aria-expanded': row.beside > 0 ? String(!row.folded) : undefined,
      'aria-current': bundle.current === node ? 'true' : undefined,
    },
    element('span', { class: 'dknb-twisty', 'aria-hidden': 'true' }, row.beside === 0 ? '' : row.folded ? '▸' : '▾'),
    element('span', { class: 'dknb-id' }, line.id === '' ? 'root' : (line.id ?? '')),
    element('span', { class: 'dknb-role', 'data-role': bundle.nodes.role[node] }, bundle.nodes.role[node] ?? ''),
    element('span', { class: 'dknb-preview' }, labelOf(bundle, node)),
    ...marks(bundle, row),
  );
  made.style.setProperty('--dknb-level', String(row.level - 1));
  return made;
}

function classOf({ nodes }: ConversationBundle, { row, onPath }: Line): string {
  return `dknb-row${onPath ? ' dknb-on-path' : ''}${nodes.deleted?.[row.node] ? ' dknb-deleted' : ''}`;
}

/** The text of a row, on one line. */
export function labelOf(bundle: ConversationBundle, node: number): string {
  return oneLine(bundle.nodes.text[node] ?? '', PREVIEW) || '(empty)';
}

function marks(bundle: ConversationBundle, { node, beside, folded }: Row): HTMLElement[] {
  const heads = bundle.branches.filter(({ head }) => head === node);
  const given = bundle.nodes.branch[node] ?? null;
  const found = heads.map(({ name, current }) => chip(name, current));
  if (given !== null && !heads.some(({ name }) => name === given)) {
    found.push(chip(given));
  }
  const system = bundle.nodes.system[node] ?? null;
  if (system !== null) {
    found.push(chip(`system: ${oneLine(system, 50)}`));
  }
  found.push(...labelsOf(bundle, node).map((label) => chip(label)));
  found.push(...statesOf(bundle, node).map((state) => element('span', { class: 'dknb-warning' }, state)));
  if (folded) {
    found.push(element('span', { class: 'dknb-quiet' }, `+${beside}`));
  }
  if (bundle.current === node) {
    found.push(element('span', { class: 'dknb-here' }, '← here'));
  }
  return found;
}

/** A star and the labels of a node. */
function labelsOf({ nodes }: ConversationBundle, node: number): string[] {
  const labels = (nodes.labels?.[node] ?? []).map((label) => `#${label}`);
  return nodes.starred?.[node] ? ['★', ...labels] : labels;
}

/** What a reader should know of a node that is not simply there. */
function statesOf({ nodes }: ConversationBundle, node: number): string[] {
  const state = nodes.state[node] ?? 'complete';
  const states = state === 'complete' ? [] : [state];
  return nodes.deleted?.[node] ? [...states, 'deleted'] : states;
}

/** A message with all that is known about it. */
export function detailView(bundle: ConversationBundle, node: number): HTMLElement {
  const { parent, ordinal, role, text, branch, model, tokens, cost_usd: cost } = bundle.nodes;
  const used = tokens[node] ?? null;
  const usd = cost[node] ?? null;
  return element(
    'div',
    { class: 'dknb-detail' },
    facts(
      idOf(parent, ordinal, node) || 'root',
      role[node] ?? '',
      branch[node] ?? null,
      model[node] ?? null,
      used === null ? null : count(used, 'token'),
      usd === null ? null : money(usd),
      ...labelsOf(bundle, node),
      ...statesOf(bundle, node),
    ),
    element('div', { class: 'dknb-text', tabindex: '0', role: 'group', 'aria-label': 'Message' }, text[node] ?? ''),
  );
}
