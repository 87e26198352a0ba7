"""Operations by subject, each in both faces. Generated."""
