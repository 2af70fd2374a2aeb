import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BundleError } from '../bundle';
import { examples, longTalk } from '../testing';
import { conversationView } from './conversation';

let ending = new AbortController();

const show = (bundle = examples.conversation): HTMLElement => {
  const view = conversationView(bundle, ending.signal);
  document.body.append(view);
  return view;
};
const rowsIn = (view: HTMLElement): HTMLElement[] => [...view.querySelectorAll<HTMLElement>('[role=treeitem]')];
const previews = (view: HTMLElement): string[] =>
  rowsIn(view).map((row) => row.querySelector('.dknb-preview')?.textContent ?? '');
const attributes = (view: HTMLElement, name: string): (string | null)[] =>
  rowsIn(view).map((row) => row.getAttribute(name));
const press = (view: HTMLElement, key: string): boolean =>
  view
    .querySelector('[role=tree]')
    ?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })) ?? true;
const active = (view: HTMLElement): string | null | undefined =>
  view.querySelector('[aria-selected=true] .dknb-preview')?.textContent;

beforeEach(() => {
  ending = new AbortController();
});

afterEach(() => {
  ending.abort();
  document.body.replaceChildren();
});

describe('what it shows', () => {
  test('a headline with the name, the number of nodes and the branch', () => {
    expect(show().querySelector('.dknb-facts')?.textContent).toBe('notebooks/talk · 10 nodes · 2 left out · on main');
  });

  test('a tree whose levels, places and current node a screen reader can tell', () => {
    const view = show();
    expect(view.querySelector('[role=tree]')?.getAttribute('aria-label')).toBe('Conversation notebooks/talk');
    expect(attributes(view, 'aria-level')).toEqual(['1', '1', '1', '2', '2', '2', '2', '2']);
    expect(attributes(view, 'aria-expanded')).toEqual([null, null, 'true', null, null, null, null, null]);
    expect(attributes(view, 'aria-setsize')).toEqual(['3', '3', '3', '5', '5', '5', '5', '5']);
    expect(attributes(view, 'aria-current').indexOf('true')).toBe(6);
  });

  test('branches at their ends, given names, and what is not complete', () => {
    const rows = rowsIn(show()).map(({ textContent }) => textContent);
    expect(rows[4]).toContain('Pear.sweetfirst');
    expect(rows[6]).toContain('mainstreaming← here');
    expect(rows[7]).toContain('(empty)incomplete');
  });

  test('stars, labels, and what is deleted or still coming', () => {
    const rows = rowsIn(show());
    expect(rows[2]?.textContent).toContain('Apple.★#<b>good</b>#keep');
    expect(rows[4]?.textContent).toContain('deleted');
    expect(rows[4]?.classList.contains('dknb-deleted')).toBe(true);
    expect(rows[2]?.classList.contains('dknb-deleted')).toBe(false);
    expect(rows[6]?.textContent).toContain('streaming');
  });

  test('a picture that was saved before there were stars, labels and deleted nodes', () => {
    const { starred: _s, labels: _l, deleted: _d, ...nodes } = examples.conversation.nodes;
    const rows = rowsIn(show({ ...examples.conversation, nodes }));
    expect(rows).toHaveLength(8);
    expect(rows[2]?.textContent).not.toContain('★');
  });

  test("a model's markup is text", () => {
    const view = show();
    expect(view.querySelector('img')).toBeNull();
    expect(previews(view)[6]).toBe('<img src=x onerror=alert(1)> Leek.');
  });

  test('the whole of the active message, with its facts', () => {
    const detail = show().querySelector('.dknb-detail');
    expect(detail?.querySelector('.dknb-text')?.textContent).toBe(examples.conversation.nodes.text[6]);
    expect(detail?.querySelector('.dknb-facts')?.textContent).toBe(
      '0.0.1.0 · assistant · echo · 11 tokens · $0.5000 · streaming',
    );
  });

  test('an empty root only where the conversation parts there', () => {
    const { nodes } = examples.conversation;
    const blank = { ...examples.conversation, nodes: { ...nodes, text: ['', ...nodes.text.slice(1)] } };
    expect(previews(show(blank))[0]).toBe('Name a fruit.');
    const parted = { ...blank, nodes: { ...blank.nodes, parent: [-1, 0, 1, 2, 3, 0, 5, 6] } };
    expect(previews(show(parted))[0]).toBe('(empty)');
  });

  test('a large tree with what lies beside the line folded away', () => {
    const view = show(longTalk(100, 3));
    expect(rowsIn(view)).toHaveLength(201);
    expect(view.querySelectorAll('[aria-expanded=false]')).toHaveLength(100);
  });

  test('an empty conversation as its headline', () => {
    const columns = Object.keys(examples.conversation.nodes).map((name) => [name, []]);
    const empty = { ...examples.conversation, nodes: Object.fromEntries(columns), current: null, truncated: 0 };
    expect(show(empty).textContent).toBe('notebooks/talk · 0 nodes · on main');
  });
});

describe('what it does', () => {
  test('arrow keys move, and keep JupyterLab out of it', () => {
    const view = show();
    expect(press(view, 'ArrowUp')).toBe(false);
    expect(active(view)).toBe('A vegetable.');
    const id = view.querySelector('[aria-selected=true]')?.id;
    expect(view.querySelector('[role=tree]')?.getAttribute('aria-activedescendant')).toBe(id);
  });

  test('a key that it does not know is left to others', () => {
    expect(press(show(), 'Escape')).toBe(true);
  });

  test('folding the fork hides what lies beside, and takes the active node along', () => {
    const view = show();
    press(view, 'Home');
    press(view, 'p');
    expect(active(view)).toBe('Pear.');
    press(view, 'ArrowLeft');
    press(view, 'ArrowLeft');
    expect(active(view)).toBe('Apple.');
    expect(previews(view)).not.toContain('Pear.');
    expect(rowsIn(view)[2]?.textContent).toContain('+2');
    press(view, 'ArrowRight');
    expect(previews(view)).toContain('Pear.');
  });

  test('a click goes to a row, a click on its mark folds it', () => {
    const view = show();
    rowsIn(view)[1]?.click();
    expect(active(view)).toBe('Name a fruit.');
    rowsIn(view)[2]?.querySelector<HTMLElement>('.dknb-twisty')?.click();
    expect(rowsIn(view)).toHaveLength(6);
    expect(active(view)).toBe('Name a fruit.');
  });

  test('it stops listening when it is told to', () => {
    const view = show();
    ending.abort();
    press(view, 'Home');
    expect(active(view)).toBe('<img src=x onerror=alert(1)> Leek.');
  });
});

describe('what it refuses', () => {
  const { nodes } = examples.conversation;
  test.each([
    ['columns of different lengths', { nodes: { ...nodes, role: ['user'] } }],
    ['a current node that is not there', { current: 99 }],
    ['parents that are no tree', { nodes: { ...nodes, parent: nodes.parent.map(() => 3) } }],
  ])('%s', (_, change) => {
    expect(() => show({ ...examples.conversation, ...change })).toThrow(BundleError);
  });
});
