// Names that do not depend on where the repository lies: two builds of one commit are the same, byte for byte.
module.exports = { optimization: { moduleIds: 'named', chunkIds: 'named' } };
