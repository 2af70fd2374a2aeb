/**
 * Where the nodes of a conversation stand in its picture.
 *
 * Straight-line turns stay at one level. Where a conversation parts, all children are drawn one level deeper than their
 * parent; the one on the way to the current node, else the newest, comes last, so that it goes on where one reads on. A
 * talk that parts very often goes no deeper: then that child stays at the level of its parent.
 */

import { BundleError } from '../bundle';

/** How many levels the way to the current node goes down. */
const DEEPEST = 20;

/** A line of the picture. `beside` counts the nodes that folding it hides; 0 when there is nothing to fold. */
export interface Row {
  node: number;
  level: number;
  beside: number;
  folded: boolean;
}

export interface Layout {
  /** Children of each node, in order. */
  children: number[][];
  /** How many nodes each subtree has, its top included. */
  size: number[];
  /** The child that comes last, on the line that goes on; -1 below a leaf. */
  straight: number[];
  /** Whether a node is on the way from the root to the current node. */
  onPath: boolean[];
}

/**
 * Lay out a tree in which every parent stands before its children.
 *
 * @throws BundleError - the columns are no tree.
 */
export function layOut(parent: readonly number[], current: number | null): Layout {
  const children: number[][] = parent.map(() => []);
  parent.forEach((above, node) => {
    const isRoot = above === -1 && node === 0;
    if (!isRoot && !(Number.isInteger(above) && above >= 0 && above < node)) {
      throw new BundleError(`node ${node} cannot have the parent ${above}`);
    }
    children[above]?.push(node);
  });
  const size = parent.map(() => 1);
  for (let node = parent.length - 1; node > 0; node--) {
    const above = parent[node] ?? 0;
    size[above] = (size[above] ?? 0) + (size[node] ?? 0);
  }
  const onPath = parent.map(() => false);
  for (let node = current ?? -1; node >= 0; node = parent[node] ?? -1) {
    onPath[node] = true;
  }
  const straight = children.map((below) => below.find((child) => onPath[child]) ?? below.at(-1) ?? -1);
  return { children, size, straight, onPath };
}

/** The nodes whose children part, each with the number of nodes beside its straight line. */
export function forks({ children, size, straight }: Layout): Map<number, number> {
  const found = new Map<number, number>();
  children.forEach((below, node) => {
    if (below.length > 1) {
      found.set(node, (size[node] ?? 0) - 1 - (size[straight[node] ?? -1] ?? 0));
    }
  });
  return found;
}

/** The lines of the picture, from the top, with what is folded away left out. */
export function rowsOf(layout: Layout, folded: ReadonlySet<number>): Row[] {
  const beside = forks(layout);
  const rows: Row[] = [];
  const waiting = layout.children.length > 0 ? [{ node: 0, level: 1 }] : [];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, level } = next;
    const isFolded = folded.has(node) && beside.has(node);
    rows.push({ node, level, beside: beside.get(node) ?? 0, folded: isFolded });
    const straight = layout.straight[node] ?? -1;
    const parts = beside.has(node) && !isFolded && level <= DEEPEST;
    if (straight >= 0) {
      waiting.push({ node: straight, level: parts ? level + 1 : level });
    }
    if (!isFolded) {
      const others = (layout.children[node] ?? []).filter((child) => child !== straight);
      waiting.push(...others.reverse().map((child) => ({ node: child, level: level + 1 })));
    }
  }
  return rows;
}

/** For each row, its place among the rows of the same parent row, from 1, and how many they are. */
export function placesOf(rows: readonly Row[]): { place: number; of: number }[] {
  const groups: number[] = [];
  const counts: number[] = [];
  const placed = rows.map(({ level }) => {
    groups.length = Math.min(groups.length, level);
    while (groups.length < level) {
      groups.push(counts.push(0) - 1);
    }
    const group = groups[level - 1] ?? 0;
    counts[group] = (counts[group] ?? 0) + 1;
    return { place: counts[group] ?? 0, group };
  });
  return placed.map(({ place, group }) => ({ place, of: counts[group] ?? 0 }));
}

/** Dotted ids, as `%branch` takes them; null where the way is longer than `deepest` steps. */
export function idsOf(parent: readonly number[], ordinal: readonly number[], deepest = 8): (string | null)[] {
  const ids: (string | null)[] = [];
  const depth: number[] = [];
  parent.forEach((above, node) => {
    depth[node] = above < 0 ? 0 : (depth[above] ?? 0) + 1;
    const before = ids[above];
    const own = String(ordinal[node] ?? 0);
    ids[node] = above < 0 ? '' : depth[node] > deepest || before == null ? null : before ? `${before}.${own}` : own;
  });
  return ids;
}

/** The dotted id of one node, however deep it lies. */
export function idOf(parent: readonly number[], ordinal: readonly number[], node: number): string {
  const steps: number[] = [];
  for (let at = node; (parent[at] ?? -1) >= 0; at = parent[at] ?? -1) {
    steps.push(ordinal[at] ?? 0);
  }
  return steps.reverse().join('.');
}
