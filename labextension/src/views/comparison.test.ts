import { expect, test } from 'vitest';
import { examples } from '../testing';
import { comparisonView, scaleOf } from './comparison';

const comparison = () => comparisonView(examples.comparison);
const text = (node: Element | null | undefined): string => node?.textContent ?? '';
const tables = (view: Element): Element[] => [...view.querySelectorAll('table')];
const rows = (table: Element | undefined): Element[] => [...(table?.querySelectorAll('tbody tr') ?? [])];
const cells = (table: Element | undefined): string[][] => rows(table).map((row) => [...row.children].map(text));

test('each variant is a row of numbers, the baseline is marked', () => {
  const [first] = tables(comparison());
  expect(cells(first)).toEqual([
    ['critique@1.0', '40', '0.5', '0.3 to 0.7', '', 'baseline', '', '1 %', ''],
    [
      'critique@1.1',
      '40 (1 without a score)',
      '0.9',
      '0.8 to 1.1',
      '',
      '+0.4 (+0.2 to +0.6)',
      '0.002',
      '99 %',
      '▲ better',
    ],
    ['empty', '0 (40 without a score)', '–', '', '', '–', '–', '–', '? undecided: about 10 more items'],
  ]);
  expect(rows(first).map(({ className }) => className)).toEqual(['dknb-baseline', '', '']);
});

test('further metrics are tables of their own, each with its direction', () => {
  const [first, second] = tables(comparison());
  expect([first, second].map((table) => text(table?.querySelector('caption')))).toEqual([
    'accuracy higher is better',
    'price lower is better',
  ]);
  expect(text(first?.querySelector('thead'))).toContain('95% interval');
  expect(cells(second).map((row) => row.at(-1))).toEqual(['', '▼ worse', '? undecided: about 1,200 more items, $3.50']);
});

test('the title, the notes and where a verdict comes from are there as text', () => {
  const view = comparison();
  expect([...view.querySelectorAll('.dknb-facts')].map(text)).toEqual([
    examples.comparison.title,
    ...examples.comparison.notes,
  ]);
  expect(view.querySelector('i')).toBeNull();
  expect(view.querySelectorAll('.dknb-verdict')[1]?.getAttribute('title')).toBe(
    "test: McNemar exact; intervals: mid-P; Cohen's h +0.93",
  );
});

test('intervals and means are drawn to one scale', () => {
  const tracks = [...(tables(comparison())[0]?.querySelectorAll('.dknb-track') ?? [])];
  const left = (selector: string): number[] =>
    tracks.map((track) =>
      Math.round(Number.parseFloat(track.querySelector<HTMLElement>(selector)?.style.left ?? '-1')),
    );
  expect(left('.dknb-interval')).toEqual([0, 63, -1]);
  expect(left('.dknb-mean')).toEqual([25, 75, -1]);
});

test('a single value is drawn in the middle', () => {
  const [first] = examples.comparison.variants;
  expect(scaleOf(first ? [{ ...first, low: null, high: null }] : [])(0.5)).toBe('50%');
});
