import { expect, test } from 'vitest';
import { count, measure, money, oneLine, percent, pValue, roughly, signed } from './format';

test('a count carries its noun, in the plural unless it is one', () => {
  expect([count(0, 'token'), count(1, 'token'), count(1234567, 'token')]).toEqual([
    '0 tokens',
    '1 token',
    '1,234,567 tokens',
  ]);
});

test('a price has as many digits as it takes', () => {
  expect([0, 0.0000042, 0.00012, 0.0521, 0.5, 1234.5].map(money)).toEqual([
    '$0',
    '$0.0000042',
    '$0.00012',
    '$0.0521',
    '$0.5000',
    '$1,234.50',
  ]);
});

test('a measured value has three significant digits, an unknown one is a dash', () => {
  expect([0.123456, 12.3456, 1234.5, null].map(measure)).toEqual(['0.123', '12.3', '1,235', '–']);
});

test('a difference shows its sign', () => {
  expect([0.4, -0.4, 0, null].map(signed)).toEqual(['+0.4', '−0.4', '0', '–']);
});

test('a p value has what digits it has', () => {
  expect([0.00001, 0.0123, 0.0996, 0.5, null].map(pValue)).toEqual(['< 0.001', '0.012', '0.10', '0.50', '–']);
});

test('a probability is never 0 or 100 %', () => {
  expect([0, 0.001, 0.251, 0.999, 1, null].map(percent)).toEqual(['< 1 %', '< 1 %', '25 %', '> 99 %', '> 99 %', '–']);
});

test('a number of items is rough, and rather more than fewer', () => {
  expect([1, 8, 99, 101, 1201, 12_047].map(roughly)).toEqual(['1', '8', '99', '110', '1,300', '13,000']);
});

test('a preview is one line, cut with an ellipsis', () => {
  expect(oneLine('  two\n words ', 20)).toBe('two words');
  expect(oneLine('x'.repeat(30), 10)).toBe(`${'x'.repeat(9)}…`);
});
