/** What a key does in a tree, after the WAI-ARIA tree pattern. */

import type { Row } from './layout';

/** Go to a row, or fold or unfold nodes. */
export type Step = { go: number } | { fold: number } | { unfold: number[] };

const PAGE = 10;

/**
 * The step that a key asks for, or null when the tree has no use for the key.
 *
 * @param at - index in `rows` of the row that has the focus.
 * @param label - the text of a row, for going to the next one that begins with the typed character.
 */
export function stepFor(key: string, rows: readonly Row[], at: number, label: (row: Row) => string): Step | null {
  const row = rows[at];
  if (row === undefined) {
    return null;
  }
  const moves: Record<string, () => Step | null> = {
    ArrowDown: () => ({ go: Math.min(at + 1, rows.length - 1) }),
    ArrowUp: () => ({ go: Math.max(at - 1, 0) }),
    PageDown: () => ({ go: Math.min(at + PAGE, rows.length - 1) }),
    PageUp: () => ({ go: Math.max(at - PAGE, 0) }),
    Home: () => ({ go: 0 }),
    End: () => ({ go: rows.length - 1 }),
    ArrowRight: () => inward(row, at),
    ArrowLeft: () => outward(rows, row, at),
    Enter: () => toggle(row),
    ' ': () => toggle(row),
    '*': () => ({ unfold: rows.filter(({ level, folded }) => folded && level === row.level).map(({ node }) => node) }),
  };
  const move = moves[key];
  return move ? move() : typed(key, rows, at, label);
}

/** Fold what is open, open what is folded. */
export function toggle({ node, beside, folded }: Row): Step | null {
  if (beside === 0) {
    return null;
  }
  return folded ? { unfold: [node] } : { fold: node };
}

function inward({ node, beside, folded }: Row, at: number): Step | null {
  if (beside === 0) {
    return null;
  }
  return folded ? { unfold: [node] } : { go: at + 1 };
}

function outward(rows: readonly Row[], { node, level, beside, folded }: Row, at: number): Step | null {
  if (beside > 0 && !folded) {
    return { fold: node };
  }
  const above = rows.slice(0, at).findLastIndex((row) => row.level < level);
  return above >= 0 ? { go: above } : null;
}

function typed(key: string, rows: readonly Row[], at: number, label: (row: Row) => string): Step | null {
  if ([...key].length !== 1) {
    return null;
  }
  const wanted = key.toLowerCase();
  const order = [...rows.keys()].slice(at + 1).concat([...rows.keys()].slice(0, at));
  const found = order.find((index) =>
    label(rows[index] as Row)
      .toLowerCase()
      .startsWith(wanted),
  );
  return found === undefined ? null : { go: found };
}
