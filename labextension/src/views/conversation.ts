/** A conversation: a headline, its tree, and the message that is active in it. */

import { BundleError, type ConversationBundle } from '../bundle';
import { element, facts } from '../dom';
import { count } from '../format';
import { detailView } from './row';
import { TreeView } from './tree';

/**
 * @param signal - detaches what the view listens to.
 * @throws BundleError - the columns do not fit together.
 */
export function conversationView(bundle: ConversationBundle, signal: AbortSignal): HTMLElement {
  checkColumns(bundle);
  const view = element('section', {
    class: 'dknb-conversation',
    'aria-label': `Conversation ${bundle.conversation_id}`,
  });
  view.append(headline(bundle));
  if (bundle.nodes.parent.length > 0) {
    const detail = element('div');
    const tree = new TreeView(bundle, (node) => detail.replaceChildren(detailView(bundle, node)), signal);
    view.append(tree.node, detail);
  }
  return view;
}

function checkColumns({ nodes, current }: ConversationBundle): void {
  const length = nodes.parent.length;
  const uneven = Object.entries(nodes).find(([, column]) => column.length !== length);
  if (uneven) {
    throw new BundleError(`column ${uneven[0]} has ${uneven[1].length} entries, not ${length}`);
  }
  if (current !== null && !(current in nodes.parent)) {
    throw new BundleError(`the current node ${current} is none of ${length}`);
  }
}

function headline({ conversation_id, nodes, branches, truncated }: ConversationBundle): HTMLElement {
  const blank = nodes.text[0] === '' ? 1 : 0;
  const here = branches.find(({ current }) => current);
  return facts(
    conversation_id,
    count(nodes.parent.length + truncated - blank, 'node'),
    truncated > 0 ? `${truncated} left out` : null,
    here === undefined ? null : `on ${here.name}`,
  );
}
