import { expect, test } from 'vitest';
import { examples } from '../testing';
import { stepFor } from './keys';
import { layOut, type Row, rowsOf } from './layout';

const { parent, text } = examples.conversation.nodes;
const layout = layOut(parent, 7);
const open = rowsOf(layout, new Set());
const folded = rowsOf(layout, new Set([2]));
const label = ({ node }: Row): string => text[node] ?? '';

// Rows when open, by index: 0 system, 1 user, 2 the fork, 3 and 4 beside it, 5 to 7 the straight line.
test.each([
  ['ArrowDown', 0, { go: 1 }],
  ['ArrowDown', 7, { go: 7 }],
  ['ArrowUp', 0, { go: 0 }],
  ['Home', 5, { go: 0 }],
  ['End', 0, { go: 7 }],
  ['PageDown', 0, { go: 7 }],
  ['PageUp', 7, { go: 0 }],
  ['ArrowRight', 2, { go: 3 }],
  ['ArrowRight', 1, null],
  ['ArrowLeft', 2, { fold: 2 }],
  ['ArrowLeft', 4, { go: 2 }],
  ['ArrowLeft', 1, null],
  ['Enter', 2, { fold: 2 }],
  [' ', 1, null],
  ['a', 0, { go: 2 }],
  ['N', 2, { go: 1 }],
  ['q', 0, null],
  ['Escape', 0, null],
])('%s on open row %i', (key, at, step) => {
  expect(stepFor(key, open, at, label)).toEqual(step);
});

test.each(['ArrowRight', 'Enter', ' ', '*'])('%s opens a folded row', (key) => {
  expect(stepFor(key, folded, 2, label)).toEqual({ unfold: [2] });
});

test('typing goes on from the active row and round to the top', () => {
  expect(stepFor('a', open, 3, label)).toEqual({ go: 5 });
  expect(stepFor('a', open, 5, label)).toEqual({ go: 2 });
});

test('a tree without rows has no use for keys', () => {
  expect(stepFor('ArrowDown', [], -1, label)).toBeNull();
});
