import { describe, expect, test } from 'vitest';
import { BundleError } from '../bundle';
import { examples, longTalk } from '../testing';
import { forks, idOf, idsOf, layOut, placesOf, rowsOf } from './layout';

const { parent, ordinal } = examples.conversation.nodes;
const open = new Set<number>();

const levels = (rows: { node: number; level: number }[]): [number, number][] =>
  rows.map(({ node, level }) => [node, level]);

describe('rows', () => {
  test('where the ways part all are one level deeper, the way to the current node last', () => {
    expect(levels(rowsOf(layOut(parent, 7), open))).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 2],
      [6, 2],
      [7, 2],
    ]);
  });

  test('another current node makes another line the straight one', () => {
    expect(levels(rowsOf(layOut(parent, 4), open)).map(([node]) => node)).toEqual([0, 1, 2, 5, 6, 7, 3, 4]);
  });

  test('without a current node the newest child comes last', () => {
    expect(levels(rowsOf(layOut(parent, null), open)).map(([node]) => node)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('folding hides what lies beside the line, and says how much', () => {
    const rows = rowsOf(layOut(parent, 7), new Set([2]));
    expect(rows.map(({ node }) => node)).toEqual([0, 1, 2, 5, 6, 7]);
    expect(rows[2]).toEqual({ node: 2, level: 1, beside: 2, folded: true });
  });

  test('a long talk with many samples at each turn goes down so many levels and no further', () => {
    const { nodes, current } = longTalk(200, 5);
    expect(Math.max(...rowsOf(layOut(nodes.parent, current), open).map(({ level }) => level))).toBe(22);
  });

  test('a line of 100,000 nodes is laid out without recursion', () => {
    const line = Array.from({ length: 100_000 }, (_, node) => node - 1);
    expect(rowsOf(layOut(line, 99_999), open).at(-1)).toEqual({ node: 99_999, level: 1, beside: 0, folded: false });
  });

  test('an empty conversation has no rows', () => {
    expect(rowsOf(layOut([], null), open)).toEqual([]);
  });
});

test('forks counts the nodes beside the straight line', () => {
  expect([...forks(layOut(parent, 7))]).toEqual([[2, 2]]);
});

test.each([[[-1, -1]], [[-1, 1]], [[-1, 2, 0]], [[-1, 0.5]], [[0]]])('parents %j are no tree', (columns) => {
  expect(() => layOut(columns, null)).toThrow(BundleError);
});

test('each row knows its place among those of the same parent row', () => {
  const rows = rowsOf(layOut(parent, 7), open);
  expect(placesOf(rows)).toEqual([
    { place: 1, of: 3 },
    { place: 2, of: 3 },
    { place: 3, of: 3 },
    { place: 1, of: 5 },
    { place: 2, of: 5 },
    { place: 3, of: 5 },
    { place: 4, of: 5 },
    { place: 5, of: 5 },
  ]);
});

describe('ids', () => {
  test('are dotted paths, the root is empty', () => {
    expect(idsOf(parent, ordinal)).toEqual(['', '0', '0.0', '0.0.0', '0.0.0.0', '0.0.1', '0.0.1.0', '0.0.1.0.0']);
  });

  test('are left out where they are too long to show', () => {
    expect(idsOf(parent, ordinal, 2)).toEqual(['', '0', '0.0', null, null, null, null, null]);
  });

  test('can be had of one node however deep', () => {
    expect(idOf(parent, ordinal, 7)).toBe('0.0.1.0.0');
    expect(idOf(parent, ordinal, 0)).toBe('');
  });
});
