import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Ago } from './ago.tsx'

/** When something that lets in was made and last used; `children` stand between. */
export function MadeAndUsed({
  made,
  used,
  children,
}: {
  made: string
  used: string | null | undefined
  children?: ReactNode
}) {
  const { t } = useTranslation()
  return (
    <p className="soft">
      {t('tokens.made')} <Ago at={made} />
      {' · '}
      {children && <>{children} · </>}
      {used ? (
        <>
          {t('tokens.used')} <Ago at={used} />
        </>
      ) : (
        t('tokens.unused')
      )}
    </p>
  )
}
