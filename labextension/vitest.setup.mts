// @lumino/dragdrop extends it when it is loaded, and jsdom has none.
globalThis.DragEvent = class extends MouseEvent {} as typeof DragEvent;
