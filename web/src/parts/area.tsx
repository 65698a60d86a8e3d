import { type ReactNode, type TextareaHTMLAttributes, useId } from 'react'

/** Several lines of text with a name; `error` says what is wrong with them. */
export function Area({
  label,
  hint,
  error,
  code,
  ...rest
}: {
  label: string
  hint?: ReactNode
  error?: string | null
  /** What is in it is read by a program. */
  code?: boolean
} & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'id'>) {
  const id = useId()
  const described = [hint ? `${id}h` : '', error ? `${id}e` : ''].filter(Boolean).join(' ')
  return (
    <div className={error ? 'field wrong' : 'field'}>
      <label htmlFor={id}>{label}</label>
      <textarea
        className={code ? 'input area code' : 'input area'}
        rows={2}
        spellCheck={code ? false : undefined}
        autoCapitalize={code ? 'none' : undefined}
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={described || undefined}
      />
      {error && (
        <p className="field-error" id={`${id}e`} role="alert">
          {error}
        </p>
      )}
      {hint && (
        <div className="field-hint" id={`${id}h`}>
          {hint}
        </div>
      )}
    </div>
  )
}
