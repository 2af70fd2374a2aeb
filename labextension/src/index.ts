/** The MIME renderers that JupyterLab finds in the wheel. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { type ComparisonBundle, type ConversationBundle, MIME, type PromptBundle } from './bundle';
import { BundleRenderer, type View } from './renderer';
import { comparisonView } from './views/comparison';
import { conversationView } from './views/conversation';
import { promptView } from './views/prompt';

/** Before ipywidgets' own renderer (rank -10), which shows an error where a saved notebook has no widget state. */
const RANK = -20;

function renderer(name: keyof typeof MIME, view: View): IRenderMime.IExtension {
  return {
    id: `dknb:${name}`,
    rank: RANK,
    dataType: 'json',
    rendererFactory: {
      safe: true, // it makes text nodes only
      mimeTypes: [MIME[name]],
      createRenderer: ({ mimeType }) => new BundleRenderer(mimeType, view),
    },
  };
}

const extensions: IRenderMime.IExtension[] = [
  renderer('prompt', (data) => promptView(data as PromptBundle)),
  renderer('conversation', (data, signal) => conversationView(data as ConversationBundle, signal)),
  renderer('comparison', (data) => comparisonView(data as ComparisonBundle)),
];

export default extensions;
