import { Button } from 'antd'
import { type ReactNode, useId } from 'react'
import { useTranslation } from 'react-i18next'
import { Area } from './area.tsx'

/** A list to import: a file is read into the text, which can be changed. */
export function ImportText({
  text,
  take,
  beside,
  rows = 10,
  placeholder,
}: {
  text: string
  take: (text: string, fileName?: string) => void
  /** Stands before the file, in the same row. */
  beside?: ReactNode
  rows?: number
  placeholder?: string
}) {
  const { t } = useTranslation()
  const id = useId()
  const file = (
    <div className="field">
      <label htmlFor={id}>{t('servers.import.file')}</label>
      <input
        id={id}
        type="file"
        className="input"
        onChange={async (event) => {
          const file = event.target.files?.[0]
          if (file) take(await file.text(), file.name)
        }}
      />
    </div>
  )
  return (
    <>
      {beside ? (
        <div className="pair">
          {beside}
          {file}
        </div>
      ) : (
        file
      )}
      <Area
        label={t('servers.import.text')}
        code
        rows={rows}
        wrap="off"
        placeholder={placeholder}
        value={text}
        onChange={(event) => take(event.target.value)}
      />
    </>
  )
}

/** First what would happen; `apply` is offered when that is something. */
export function LookThenApply({
  busy,
  disabled,
  apply,
  send,
}: {
  busy: boolean
  disabled: boolean
  apply: string | null
  send: (dryRun: boolean) => void
}) {
  const { t } = useTranslation()
  return (
    <>
      <Button
        type={apply ? 'default' : 'primary'}
        loading={busy}
        disabled={disabled}
        onClick={() => send(true)}
      >
        {t('servers.import.look')}
      </Button>
      {apply && (
        <Button type="primary" loading={busy} onClick={() => send(false)}>
          {apply}
        </Button>
      )}
    </>
  )
}
