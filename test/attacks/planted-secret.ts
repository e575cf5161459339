/** Put together here, so that it stands in no source. */
export const planted = ['canary', 'of', 'the', 'trial?/+%"'].join('>')
