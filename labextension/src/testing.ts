/** Payloads that the Python tests check against the schemas, for the tests of the views. */

import comparison from '../../tests/labextension/payloads/comparison.json';
import conversation from '../../tests/labextension/payloads/conversation.json';
import prompt from '../../tests/labextension/payloads/prompt.json';
import type { ComparisonBundle, ConversationBundle, PromptBundle } from './bundle';

export const examples = {
  prompt: prompt as PromptBundle,
  conversation: conversation as ConversationBundle,
  comparison: comparison as ComparisonBundle,
};

/** A straight line of messages, with `samples` answers at each turn and the last answer as the current node. */
export function longTalk(turns: number, samples: number): ConversationBundle {
  const parent = [-1];
  const ordinal = [0];
  const role = ['system'];
  for (let turn = 0, last = 0; turn < turns; turn++) {
    const question = parent.push(last) - 1;
    ordinal.push(0);
    role.push('user');
    for (let sample = 0; sample < samples; sample++) {
      last = parent.push(question) - 1;
      ordinal.push(sample);
      role.push('assistant');
    }
  }
  const nothing = parent.map(() => null);
  return {
    version: 1,
    conversation_id: 'long',
    nodes: {
      parent,
      ordinal,
      number: parent.map((_, node) => node),
      role,
      text: parent.map((_, node) => `message ${node}`),
      branch: nothing,
      system: nothing,
      state: parent.map(() => 'complete'),
      model: nothing,
      tokens: nothing,
      cost_usd: nothing,
    },
    current: parent.length - 1,
    branches: [{ name: 'main', head: parent.length - 1, current: true }],
    truncated: 0,
  };
}
