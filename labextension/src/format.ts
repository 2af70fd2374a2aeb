/** Numbers and texts as a person reads them. They agree with `dknb/notebook/views/text.py` and `comparison_rows.py`. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const CENTS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** `1,234 tokens`. */
export function count(value: number, noun: string): string {
  return `${WHOLE.format(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A price in US dollars, with as many digits as it takes. */
export function money(usd: number): string {
  if (usd === 0) {
    return '$0';
  }
  if (usd >= 0.995) {
    return `$${CENTS.format(usd)}`;
  }
  const magnitude = Number(usd.toExponential().split('e')[1]);
  return `$${usd.toFixed(Math.min(100, Math.max(4, 1 - magnitude)))}`;
}

/** A measured value with three significant digits; a dash for one that is not known. */
export function measure(value: number | null): string {
  if (value === null) {
    return '–';
  }
  return Math.abs(value) >= 1000 ? WHOLE.format(value) : String(Number(value.toPrecision(3)));
}

/** The same with its sign, for a difference. */
export function signed(value: number | null): string {
  return value !== null && value > 0 ? `+${measure(value)}` : measure(value).replace('-', '−');
}

/** A p value with what digits it has. */
export function pValue(p: number | null): string {
  if (p === null) {
    return '–';
  }
  return p < 0.001 ? '< 0.001' : p.toFixed(p < 0.0995 ? 3 : 2);
}

/** A probability that was estimated: never 0 % or 100 %, which would be certain. */
export function percent(share: number | null): string {
  if (share === null) {
    return '–';
  }
  if (share < 0.005) {
    return '< 1 %';
  }
  return share > 0.995 ? '> 99 %' : `${(100 * share).toFixed(0)} %`;
}

/** A number of items with two significant digits, never fewer: it is an estimate of what it takes. */
export function roughly(items: number): string {
  const step = 10 ** Math.max(Math.floor(Math.log10(Math.max(items, 1))) - 1, 0);
  return WHOLE.format(Math.ceil(items / step) * step);
}

/** The beginning of a text on one line of at most `most` characters. */
export function oneLine(text: string, most: number): string {
  const line = text
    .slice(0, 4 * most)
    .split(/\s+/)
    .filter(Boolean)
    .join(' ');
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}
