import { mayEnd, mayWrite, type Session } from '../api/types.ts'

// A session that the list does not (yet) have: the server decides.

export const mayType = (session: Session | undefined): boolean => !session || mayWrite(session)

/** Share it, end it. */
export const mayManage = (session: Session | undefined): boolean => !session || mayEnd(session)
