/** Elements whose content is always text: nothing here can turn data into markup. */

export interface Attributes {
  class?: string;
  /** Any other attribute, `aria-*` and `data-*` included. */
  [name: string]: string | undefined;
}

/** Make an element; strings among the children become text nodes. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children);
  return made;
}

/** A small label, for example a branch's name. */
export function chip(text: string, strong = false): HTMLElement {
  return element('span', { class: strong ? 'dknb-chip dknb-strong' : 'dknb-chip' }, text);
}

/** Facts in one quiet line, without the empty ones. */
export function facts(...values: (string | null)[]): HTMLElement {
  const known = values.filter((value): value is string => value !== null && value !== '');
  return element('div', { class: 'dknb-facts' }, known.join(' · '));
}

/** Do something once, as soon as the node can be seen and so has its size. */
export function onceVisible(node: Element, action: () => void, signal: AbortSignal): void {
  const observer = new IntersectionObserver((entries) => {
    if (entries.some(({ isIntersecting }) => isIntersecting)) {
      observer.disconnect();
      action();
    }
  });
  observer.observe(node);
  signal.addEventListener('abort', () => observer.disconnect());
}
