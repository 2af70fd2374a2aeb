/** Variants side by side on one metric or several: means with their intervals, drawn to one scale, and the verdicts. */

import type { ComparisonBundle } from '../bundle';
import { type Attributes, element, facts } from '../dom';
import { measure, money, percent, pValue, roughly, signed } from '../format';

type Variant = ComparisonBundle['variants'][number];
type Metric = ComparisonBundle['further'][number];
type Scale = (value: number) => string;

const TEXTS = ['Variant', '', 'Verdict'];

/** Verdicts are words with a sign, and the colour only repeats them. */
const SIGNS = { better: '▲', worse: '▼', tied: '=', undecided: '?' } as const;

export function comparisonView(bundle: ComparisonBundle): HTMLElement {
  const metrics: Metric[] = [bundle, ...bundle.further];
  return element(
    'section',
    { class: 'dknb-comparison', 'aria-label': `Comparison on ${metrics.map(({ metric }) => metric).join(', ')}` },
    facts(bundle.title),
    ...metrics.map((metric) => metricTable(metric, bundle.confidence)),
    ...bundle.notes.map((note) => element('div', { class: 'dknb-facts' }, note)),
  );
}

/** Maps a value to its place between the smallest and the largest that is drawn, in per cent. */
export function scaleOf(variants: Variant[]): Scale {
  const drawn = variants.flatMap(({ low, mean, high }) => [low, mean, high]).filter((value) => value !== null);
  const least = Math.min(...drawn);
  const range = Math.max(...drawn) - least;
  return (value) => `${range > 0 ? ((value - least) / range) * 100 : 50}%`;
}

function metricTable(metric: Metric, confidence: number): HTMLElement {
  const level = `${Number((100 * confidence).toPrecision(4))}% interval`;
  const columns = ['Variant', 'Items', 'Mean', level, '', 'Difference', 'p', 'Is best', 'Verdict'];
  const head = element('tr', {}, ...columns.map((name) => element('th', headOf(name), name)));
  const scale = scaleOf(metric.variants);
  const rows = metric.variants.map((variant) => variantRow(variant, metric.baseline, scale));
  const direction = ` ${metric.higher_is_better ? 'higher' : 'lower'} is better`;
  return element(
    'table',
    { class: 'dknb-table' },
    element('caption', {}, metric.metric, element('span', { class: 'dknb-quiet' }, direction)),
    element('thead', {}, head),
    element('tbody', {}, ...rows),
  );
}

/** Names of numbers stand where these do. */
function headOf(name: string): Attributes {
  return TEXTS.includes(name) ? { scope: 'col' } : { scope: 'col', class: 'dknb-number' };
}

function variantRow(variant: Variant, baseline: string | null, scale: Scale): HTMLElement {
  const isBaseline = variant.name === baseline;
  const { low, high } = variant;
  return element(
    'tr',
    isBaseline ? { class: 'dknb-baseline' } : {},
    element('th', { scope: 'row' }, variant.name),
    element('td', { class: 'dknb-number dknb-items' }, items(variant)),
    element('td', { class: 'dknb-number' }, measure(variant.mean)),
    element('td', { class: 'dknb-number dknb-quiet' }, interval(low, high, measure)),
    element('td', { class: 'dknb-bars' }, bar(variant, scale)),
    element('td', { class: 'dknb-number' }, isBaseline ? 'baseline' : difference(variant)),
    element('td', { class: 'dknb-number' }, isBaseline ? '' : pValue(variant.p_adjusted)),
    element('td', { class: 'dknb-number' }, percent(variant.probability_best)),
    element(
      'td',
      { class: `dknb-verdict dknb-${variant.verdict ?? 'none'}`, title: background(variant) },
      said(variant),
    ),
  );
}

function items({ n, errors }: Variant): string {
  return errors > 0 ? `${measure(n)} (${measure(errors)} without a score)` : measure(n);
}

function interval(low: number | null, high: number | null, show: (value: number | null) => string): string {
  return low === null || high === null ? '' : `${show(low)} to ${show(high)}`;
}

function difference({ difference: value, difference_low: low, difference_high: high }: Variant): string {
  const range = interval(low, high, signed);
  return range === '' ? signed(value) : `${signed(value)} (${range})`;
}

/** The verdict, and of an open one what it takes. */
function said({ verdict, more_items: more, more_cost_usd: cost }: Variant): string {
  if (verdict === null) {
    return '';
  }
  const word = `${SIGNS[verdict]} ${verdict}`;
  if (more === null) {
    return word;
  }
  return `${word}: about ${roughly(more)} more items${cost === null ? '' : `, ${money(cost)}`}`;
}

/** Where the numbers of a row come from. */
function background({ note, test, method, effect, effect_size: size }: Variant): string | undefined {
  const told = [
    note,
    test === null ? '' : `test: ${test}`,
    method === null ? '' : `intervals: ${method}`,
    effect === null || size === null ? '' : `${effect} ${signed(size)}`,
  ];
  return told.filter((fact) => fact !== '').join('; ') || undefined;
}

/** The interval as a line and the mean as a point on it. What it shows stands in the cells beside it as text. */
function bar({ low, mean, high }: Variant, scale: Scale): HTMLElement {
  const track = element('div', { class: 'dknb-track', 'aria-hidden': 'true' });
  if (low !== null && high !== null) {
    const line = element('div', { class: 'dknb-interval' });
    line.style.left = scale(low);
    line.style.right = `calc(100% - ${scale(high)})`;
    track.append(line);
  }
  if (mean !== null) {
    const point = element('div', { class: 'dknb-mean' });
    point.style.left = scale(mean);
    track.append(point);
  }
  return track;
}
