/** The tree of a conversation as a widget of its own: what is folded, which node is active, keys and clicks. */

import type { ConversationBundle } from '../bundle';
import { element, onceVisible } from '../dom';
import { type Step, stepFor, toggle } from '../tree/keys';
import { forks, idsOf, type Layout, layOut, placesOf, type Row, rowsOf } from '../tree/layout';
import { labelOf, rowView } from './row';

/** Above this many nodes, what lies beside the way to the current node begins folded. */
const MOST_UNFOLDED = 80;

let trees = 0;

export class TreeView {
  readonly node: HTMLElement;
  private readonly prefix = `dknb-tree-${++trees}`;
  private readonly layout: Layout;
  private readonly ids: (string | null)[];
  private readonly folded: Set<number>;
  private rows: Row[] = [];
  private active: number;

  /**
   * @param onActive - called with each node that becomes the active one, the first included.
   * @param signal - detaches what the tree listens to.
   */
  constructor(
    private readonly bundle: ConversationBundle,
    private readonly onActive: (node: number) => void,
    signal: AbortSignal,
  ) {
    const { parent, ordinal } = bundle.nodes;
    this.layout = layOut(parent, bundle.current);
    this.ids = idsOf(parent, ordinal);
    this.folded = new Set(parent.length > MOST_UNFOLDED ? forks(this.layout).keys() : []);
    this.active = bundle.current ?? parent.length - 1;
    this.node = element('div', {
      class: 'dknb-tree',
      role: 'tree',
      tabindex: '0',
      'aria-label': `Conversation ${bundle.conversation_id}`,
      // Else JupyterLab takes a typed `dd` for its own shortcut and deletes the cell.
      'data-lm-suppress-shortcuts': 'true',
    });
    this.node.addEventListener('keydown', (event) => this.onKey(event), { signal });
    this.node.addEventListener('click', (event) => this.onClick(event), { signal });
    this.paint();
    onceVisible(this.node, () => this.showCurrent(), signal);
  }

  /** Scroll the tree, and nothing else, so that the current node is in its middle. */
  private showCurrent(): void {
    const here = this.node.querySelector('[aria-current]');
    if (here) {
      const above = here.getBoundingClientRect().top - this.node.getBoundingClientRect().top;
      this.node.scrollTop += above - this.node.clientHeight / 2;
    }
  }

  private paint(): void {
    this.rows = rowsOf(this.layout, this.folded).filter((row) => !isBlankRoot(this.bundle, row));
    const places = placesOf(this.rows);
    const drawn = this.rows.map((row, index) =>
      rowView(this.bundle, {
        row,
        id: this.ids[row.node] ?? numberOf(this.bundle.nodes.number[row.node]),
        place: places[index] ?? { place: 1, of: 1 },
        onPath: this.layout.onPath[row.node] ?? false,
        active: row.node === this.active,
        elementId: `${this.prefix}-${row.node}`,
      }),
    );
    this.node.replaceChildren(...drawn);
    this.node.setAttribute('aria-activedescendant', `${this.prefix}-${this.active}`);
    this.onActive(this.active);
  }

  private take(step: Step): void {
    if ('go' in step) {
      this.active = this.rows[step.go]?.node ?? this.active;
    } else if ('fold' in step) {
      this.folded.add(step.fold);
      const stays = rowsOf(this.layout, this.folded).some(({ node }) => node === this.active);
      this.active = stays ? this.active : step.fold;
    } else {
      for (const node of step.unfold) {
        this.folded.delete(node);
      }
    }
    this.paint();
    this.node.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: 'nearest' });
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const at = this.rows.findIndex(({ node }) => node === this.active);
    const step = stepFor(event.key, this.rows, at, ({ node }) => labelOf(this.bundle, node));
    if (step !== null) {
      event.preventDefault();
      event.stopPropagation();
      this.take(step);
    }
  }

  private onClick({ target }: MouseEvent): void {
    const clicked = (target as Element).closest('[role=treeitem]')?.getAttribute('data-node');
    const index = this.rows.findIndex(({ node }) => String(node) === clicked);
    const row = this.rows[index];
    if (row !== undefined) {
      const onTwisty = (target as Element).classList.contains('dknb-twisty');
      this.take((onTwisty ? toggle(row) : null) ?? { go: index });
    }
  }
}

/** Without a system prompt the root is empty: there is nothing to see in it unless the conversation parts there. */
function isBlankRoot({ nodes }: ConversationBundle, { node, beside }: Row): boolean {
  return node === 0 && beside === 0 && nodes.parent.length > 1 && nodes.text[0] === '';
}

/** `#N`, which `%branch` takes for a node whose id is too long to show. */
function numberOf(number: number | null | undefined): string | null {
  return number == null ? null : `#${number}`;
}
