/** The widget that JupyterLab asks to draw an output of ours. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { checkVersion } from './bundle';
import { element } from './dom';

/** Draws data of a known type; what it listens to ends with the signal. */
export type View = (data: unknown, signal: AbortSignal) => HTMLElement;

export class BundleRenderer extends Widget implements IRenderMime.IRenderer {
  private drawn: AbortController | null = null;

  constructor(
    private readonly mimeType: string,
    private readonly view: View,
  ) {
    super();
    this.addClass('dknb-output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.drawn?.abort();
    this.drawn = new AbortController();
    this.node.replaceChildren(this.draw(model, this.drawn.signal));
  }

  override dispose(): void {
    this.drawn?.abort();
    super.dispose();
  }

  private draw({ data }: IRenderMime.IMimeModel, signal: AbortSignal): HTMLElement {
    try {
      const bundle = data[this.mimeType];
      checkVersion(bundle);
      return this.view(bundle, signal);
    } catch (error) {
      const why = element(
        'div',
        { class: 'dknb-warning' },
        `dknb cannot draw this: ${String((error as Error).message)}`,
      );
      return element('div', {}, why, element('pre', {}, String(data['text/plain'] ?? '')));
    }
  }
}
