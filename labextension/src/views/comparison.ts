/** Variants side by side on one metric: means with their intervals, drawn to one scale. */

import type { ComparisonBundle } from '../bundle';
import { element, facts } from '../dom';
import { measure, signed } from '../format';

type Variant = ComparisonBundle['variants'][number];
type Scale = (value: number) => string;

const COLUMNS = ['Variant', 'n', 'Mean', 'Interval', '', 'Difference', 'Verdict'];

export function comparisonView(bundle: ComparisonBundle): HTMLElement {
  const scale = scaleOf(bundle.variants);
  const head = element('tr', {}, ...COLUMNS.map((name) => element('th', { scope: 'col' }, name)));
  const rows = bundle.variants.map((variant) => variantRow(variant, bundle.baseline, scale));
  return element(
    'section',
    { class: 'dknb-comparison', 'aria-label': `Comparison on ${bundle.metric}` },
    facts(bundle.metric, bundle.baseline === null ? null : `compared with ${bundle.baseline}`),
    element('table', { class: 'dknb-table' }, element('thead', {}, head), element('tbody', {}, ...rows)),
  );
}

/** Maps a value to its place between the smallest and the largest that is drawn, in per cent. */
export function scaleOf(variants: Variant[]): Scale {
  const drawn = variants.flatMap(({ low, mean, high }) => [low, mean, high]).filter((value) => value !== null);
  const least = Math.min(...drawn);
  const range = Math.max(...drawn) - least;
  return (value) => `${range > 0 ? ((value - least) / range) * 100 : 50}%`;
}

function variantRow(variant: Variant, baseline: string | null, scale: Scale): HTMLElement {
  const isBaseline = variant.name === baseline;
  return element(
    'tr',
    isBaseline ? { class: 'dknb-baseline' } : {},
    element('th', { scope: 'row' }, variant.name),
    element('td', { class: 'dknb-number' }, String(variant.n)),
    element('td', { class: 'dknb-number' }, measure(variant.mean)),
    element('td', { class: 'dknb-number dknb-quiet' }, interval(variant.low, variant.high, measure)),
    element('td', { class: 'dknb-bars' }, bar(variant, scale)),
    element('td', { class: 'dknb-number' }, isBaseline ? 'baseline' : difference(variant)),
    element('td', { class: `dknb-verdict dknb-${variant.verdict ?? 'none'}` }, variant.verdict ?? ''),
  );
}

function interval(low: number | null, high: number | null, show: (value: number | null) => string): string {
  return low === null || high === null ? '' : `${show(low)} to ${show(high)}`;
}

function difference({ difference: value, difference_low: low, difference_high: high }: Variant): string {
  const range = interval(low, high, signed);
  return range === '' ? signed(value) : `${signed(value)} (${range})`;
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
