// @lumino/dragdrop extends it when it is loaded, and jsdom has none.
globalThis.DragEvent = class extends MouseEvent {} as typeof DragEvent;

/** jsdom lays nothing out, so nothing ever comes into sight by itself: tests say when. */
class Observer {
  static all: Observer[] = [];

  constructor(private readonly notify: (entries: { isIntersecting: boolean }[]) => void) {}

  observe(): void {
    Observer.all.push(this);
  }

  disconnect(): void {
    Observer.all = Observer.all.filter((observer) => observer !== this);
  }

  see(isIntersecting: boolean): void {
    this.notify([{ isIntersecting }]);
  }
}

globalThis.IntersectionObserver = Observer as never;
