import type { TextareaHTMLAttributes } from 'react'
import { type Around, Frame, useAround } from './field.tsx'

/** Several lines of text with a name; `error` says what is wrong with them. */
export function Area({
  label,
  hint,
  error,
  code,
  ...rest
}: Around & {
  /** What is in it is read by a program. */
  code?: boolean
} & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'id'>) {
  const { id, control } = useAround({ hint, error })
  return (
    <Frame id={id} label={label} hint={hint} error={error}>
      <textarea
        className={code ? 'input area code' : 'input area'}
        rows={2}
        spellCheck={code ? false : undefined}
        autoCapitalize={code ? 'none' : undefined}
        {...rest}
        {...control}
      />
    </Frame>
  )
}
