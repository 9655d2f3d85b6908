/** When a network is trained on with fake quantisation before it is quantised. */
export const QAT_MODES = ['auto', 'always', 'never'] as const
export type QatMode = (typeof QAT_MODES)[number]
