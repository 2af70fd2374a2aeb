import { expect, test } from 'vitest';
import { examples } from '../testing';
import { comparisonView, scaleOf } from './comparison';

test('each variant is a row of numbers, the baseline is marked', () => {
  const rows = [...comparisonView(examples.comparison).querySelectorAll('tbody tr')];
  const cells = rows.map((row) => [...row.children].map(({ textContent }) => textContent));
  expect(cells).toEqual([
    ['critique@1.0', '40', '0.5', '0.3 to 0.7', '', 'baseline', ''],
    ['critique@1.1', '40', '0.9', '0.8 to 1.1', '', '+0.4 (+0.2 to +0.6)', 'better'],
    ['empty', '0', '–', '', '', '–', 'undecided'],
  ]);
  expect(rows.map(({ className }) => className)).toEqual(['dknb-baseline', '', '']);
});

test('intervals and means are drawn to one scale', () => {
  const tracks = [...comparisonView(examples.comparison).querySelectorAll('.dknb-track')];
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
