import { expect, test, vi } from 'vitest';
import { chip, element, facts, onceVisible } from './dom';

interface Observers {
  all: { see(isIntersecting: boolean): void }[];
}

const observers = IntersectionObserver as unknown as Observers;

test('text among the children stays text, and attributes without a value are left out', () => {
  const made = element('p', { class: 'x', title: undefined }, '<b>', chip('main', true));
  expect(made.outerHTML).toBe('<p class="x">&lt;b&gt;<span class="dknb-chip dknb-strong">main</span></p>');
});

test('facts leave out what is not known', () => {
  expect(facts('a', null, '', 'b').textContent).toBe('a · b');
});

test('something is done once, when the node comes into sight', () => {
  const action = vi.fn();
  onceVisible(element('p'), action, new AbortController().signal);
  const observer = observers.all.at(-1);
  observer?.see(false);
  expect(action).not.toHaveBeenCalled();
  observer?.see(true);
  expect(action).toHaveBeenCalledOnce();
  expect(observers.all).not.toContain(observer);
});

test('it is not waited for any more when the signal ends', () => {
  const ending = new AbortController();
  onceVisible(element('p'), vi.fn(), ending.signal);
  const waiting = observers.all.length;
  ending.abort();
  expect(observers.all).toHaveLength(waiting - 1);
});
